import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { inject } from 'vitest';
import { ISSUE_OPTIONS } from '../../../src/workflows/options.js';

const WORKFLOWS = fileURLToPath(new URL('../../../src/workflows/workflows.ts', import.meta.url));
let bundled: Promise<string> | undefined;
let files = 0;

/**
 * The path of the token worker's workflow bundle, made once for each test file.
 *
 * @param startToCloseTimeout - of `issueToken`, in place of the real one
 */
export async function workflowBundlePath(startToCloseTimeout?: string): Promise<string> {
  const code = await (bundled ??= bundle());
  const real = ISSUE_OPTIONS.startToCloseTimeout;
  if (!code.includes(real)) throw new Error(`There is no timeout of ${real} in the bundle.`);
  const path = join(inject('scratch'), `workflows-${process.pid}-${(files += 1)}.js`);
  await writeFile(path, code.replaceAll(real, startToCloseTimeout ?? real));
  return path;
}

async function bundle(): Promise<string> {
  const logger = new DefaultLogger('ERROR');
  const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger });
  return code;
}
