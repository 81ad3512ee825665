import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { inject } from 'vitest';

const WORKFLOWS = fileURLToPath(new URL('../../../src/workflows/workflows.ts', import.meta.url));
let bundled: Promise<string> | undefined;

/** The path of the token worker's workflow bundle, made once for each test file. */
export function workflowBundlePath(): Promise<string> {
  return (bundled ??= bundle());
}

async function bundle(): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    logger: new DefaultLogger('ERROR'),
  });
  const path = join(inject('scratch'), `workflows-${process.pid}-${performance.now()}.js`);
  await writeFile(path, code);
  return path;
}
