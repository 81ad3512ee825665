/** What workflows import is safe in the sandbox, and stays so when somebody adds an import. */
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';

/** Our rooms that workflows may use, the SDK, and what the SDK brings; `?…` is an empty stand-in. */
const EXPECTED =
  /^(\?|\.\/src\/(workflows\/|contract\/|failures\.ts)|\.\/node_modules\/(@temporalio\/(common|workflow|proto)|long|ms|nexus-rpc)\/)/;

const noop = (): void => undefined;
const logger = { trace: noop, debug: noop, info: noop, warn: noop, error: noop, log: noop };

/** Bundles as a worker does, with nothing ignored. */
async function bundle(entry: string): Promise<{ code: string; modules: string[] }> {
  const workflowsPath = fileURLToPath(new URL(`../../src/${entry}`, import.meta.url));
  const { code } = await bundleWorkflowCode({ workflowsPath, logger });
  const modules = [...code.matchAll(/^\/\*{3}\/ "([^"]+)"$/gm)].flatMap(([, id]) => id ?? []);
  return { code, modules };
}

describe.each(['workflows/index.ts', 'workflows/workflows.ts'])('%s', (entry) => {
  it('bundles from our workflows, the contract, the failures and the SDK, and nothing else', async () => {
    const { code, modules } = await bundle(entry);
    expect(modules).toContain(`./src/workflows/token-lifecycle.ts`);
    expect(modules).toContain('./src/failures.ts');
    expect(modules.filter((id) => !EXPECTED.test(id))).toEqual([]);
    expect(code).not.toMatch(
      /require\(|from ?['"]node:|['"](node:)?(mongodb|crypto|fs|net|tls)['"]/,
    );
  });
});

it('the same does not bundle from the root, which shows that the bundler looks', async () => {
  await expect(bundle('index.ts')).rejects.toThrow();
});
