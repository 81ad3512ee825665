import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SLOW_MS = 300_000;

/** What users get: the packed tarball in an empty project. */
describe('the packed tarball', () => {
  let system: TokenSystem;
  let project: string;

  beforeAll(async () => {
    system = await startTokenSystem();
    project = await mkdtemp(join(tmpdir(), 'oauth-tokens-package-'));
    await run('npm', ['pack', '--pack-destination', project], { cwd: ROOT });
    const tarball = (await readdir(project)).find((name) => name.endsWith('.tgz')) ?? '';
    await writeFile(
      join(project, 'package.json'),
      '{"name":"empty","type":"module","private":true}',
    );
    const packages = [
      `./${tarball}`,
      ...['activity', 'client', 'common', 'worker', 'workflow'].map(
        (name) => `@temporalio/${name}@^1.24.0`,
      ),
      'typescript@~6.0.3',
      '@types/node@20',
    ];
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], {
      cwd: project,
    });
  }, SLOW_MS);
  afterAll(async () => {
    await system.close();
    await rm(project, { recursive: true, force: true });
  });

  it('contains no test, no example, no fault to inject and no sealing key', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
    });
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    for (const { path } of files.filter(({ path }) => /\.(js|ts)$/.test(path))) {
      const text = await readFile(join(ROOT, path), 'utf8');
      expect(text, path).not.toMatch(/SIGKILL|SIGSTOP|\bFAULT_|carryOut\s*=/);
    }
    const folders = new Set(files.map(({ path }) => path.split('/')[0]));
    expect([...folders].sort()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'package.json', 'src'].sort(),
    );
  });

  it('starts a worker that issues a token', { timeout: SLOW_MS }, async () => {
    const { connectionId } = await system.put(system.connectionFile('packed'));
    const bin = join(project, 'node_modules/.bin/oauth-tokens');
    const env = system.environment();
    const worker = spawn(bin, ['worker'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const lines = createInterface({ input: worker.stdout })[Symbol.asyncIterator]();
      expect((await lines.next()).value).toContain('worker ready');
      const { stdout } = await run(bin, ['token', connectionId, '--json'], { env });
      expect(JSON.parse(stdout)).toMatchObject({
        connectionId,
        generation: 1,
        tokenType: 'Bearer',
      });
    } finally {
      worker.kill('SIGTERM');
    }
    const [status] = (await once(worker, 'exit')) as [number | null];
    expect(status).toBe(0);
  });

  it(
    'has types that resolve, and bundles into the workflows of others',
    { timeout: SLOW_MS },
    async () => {
      await writeFile(
        join(project, 'workflows.ts'),
        `import { callApi, ensureAccessToken } from 'temporal-oauth-tokens/workflows';
export async function mine(): Promise<number> {
  const { status } = await callApi({ connectionId: 'a', method: 'GET', url: 'https://a.example/' });
  return status;
}
export { ensureAccessToken };
`,
      );
      await writeFile(
        join(project, 'main.ts'),
        `import { bundleWorkflowCode } from '@temporalio/worker';
import { createLeakGuard, createTokenSource, type TokenSource } from 'temporal-oauth-tokens';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { Client } from '@temporalio/client';
import { createConnectApp } from 'temporal-oauth-tokens/connect';
import { searchForSecrets } from 'temporal-oauth-tokens/testing';
import { createTokenWorker } from 'temporal-oauth-tokens/worker';
const tokens: TokenSource = createTokenSource({ mongodb: 'mongodb://localhost', keys: 'keys.json' });
const { code } = await bundleWorkflowCode({ workflowsPath: process.cwd() + '/workflows.ts' });
console.log(typeof createTokenWorker, code.includes('ensureAccessToken'));
const guarded: WorkerOptions = { taskQueue: 'q', plugins: [createLeakGuard()] };
export const make = () => [Worker.create(guarded), new Client({ plugins: [createLeakGuard()] })];
console.log(searchForSecrets({ a: btoa('id:planted-secret') }, ['planted-secret']).length, 'found');
const client = new Client({});
const page = createConnectApp({ publicUrl: 'http://127.0.0.1:1', mongodb: 'mongodb://localhost', keys: 'keys.json', client });
console.log('page', (await page.fetch(new Request('http://127.0.0.1:1/'))).status);
await Promise.all([tokens.close(), page.close()]);
`,
      );
      const options =
        '--module nodenext --target es2022 --strict --skipLibCheck --types node'.split(' ');
      await run('npx', ['tsc', ...options, 'main.ts', 'workflows.ts'], { cwd: project });
      const { stdout } = await run(process.execPath, ['main.js'], { cwd: project });
      expect(stdout).toContain('function true');
      expect(stdout).toContain('1 found');
      expect(stdout).toContain('page 200');
    },
  );
});
