import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { TIMEOUTS, type WorkflowTimeouts } from '../../src/workflows/options.js';

const WORKFLOWS = fileURLToPath(new URL('../../src/workflows/workflows.ts', import.meta.url));

/** The token worker's workflows with other timeouts than the real ones. */
export async function bundleWithTimeouts(
  changes: Partial<WorkflowTimeouts>,
): Promise<{ code: string }> {
  const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS });
  let changed = code;
  for (const [name, value] of Object.entries(changes)) {
    const real = new RegExp(`(\\b${name}: )[^,]+,`);
    const [found] = real.exec(changed) ?? [''];
    if (!(name in TIMEOUTS) || found === '') throw new Error(`There is no timeout ${name}.`);
    changed = changed.replace(real, `$1${value},`);
  }
  return { code: changed };
}
