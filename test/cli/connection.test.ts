import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { NOWHERE, run } from './run.js';

let system: TokenSystem;
let folder: string;
beforeAll(async () => {
  system = await startTokenSystem();
  folder = await mkdtemp(join(inject('scratch'), 'files-'));
});
afterAll(() => system.close());

async function fileOf(content: unknown, name = 'connection.json'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('connection put, show, list and remove', () => {
  it('register, show and remove a connection', async () => {
    const env = system.environment();
    const file = await fileOf(system.connectionFile('life'));
    const id = system.connectionFile('life').connectionId;
    const put = await run(['connection', 'put', '-f', file, '--json'], env);
    expect(put.stderr).toBe('');
    expect(put.json()).toEqual({
      connectionId: id,
      created: true,
      changed: [],
      epoch: 1,
      generation: 0,
      state: 'active',
    });
    const show = await run(['connection', 'show', id, '--json'], env);
    expect(show.json()).toMatchObject({
      client: { clientSecret: { sealed: true } },
      revision: 1,
      updatedBy: expect.stringContaining('@') as string,
    });
    expect(show.stdout).not.toContain(CLIENT_SECRET);
    const remove = await run(['connection', 'remove', id, '--json'], env);
    expect(remove.json()).toEqual({ connectionId: id, removed: true });
    const again = await run(['connection', 'remove', id, '--json'], env);
    expect(again.json()).toEqual({ connectionId: id, removed: false });
    const gone = await run(['connection', 'show', id, '--json'], env);
    expect(gone.exitStatus).toBe(1);
    expect(gone.error()).toMatchObject({ type: 'Connection.not_found', final: true });
  });

  it('lists pages in the order of ids', async () => {
    const env = system.environment();
    for (const name of ['page-b', 'page-a', 'page-c'])
      await system.put(system.connectionFile(name));
    const first = await run(['connection', 'list', '--limit', '2', '--json'], env);
    const page = first.json<{ connections: { connectionId: string }[]; next: string }>();
    expect(page.connections.map((c) => c.connectionId.slice(0, 6))).toEqual(['page-a', 'page-b']);
    const second = await run(['connection', 'list', '--after', page.next, '--json'], env);
    expect(second.json()).toMatchObject({ connections: [{ generation: 0 }], next: null });
    expect((await run(['connection', 'list'], env)).stdout).toMatch(/^CONNECTION +STATE +TOKEN/);
  });

  it('takes the secret from standard input, or the file', async () => {
    const env = { ...system.environment(), CLIENT_SECRET: undefined };
    const base = system.connectionFile('stdin');
    const { clientId, authentication } = base.client;
    const client = { clientId, authentication };
    const file = await fileOf({ ...base, client });
    const argv = ['connection', 'put', '-f', file, '--json'];
    expect((await run(argv, env)).error().message).toMatch(/^client\.clientSecret: is missing/);
    const given = await run([...argv, '--client-secret-stdin'], env, `${CLIENT_SECRET}\n`);
    expect(given.json()).toMatchObject({ created: true });
    expect((await run(argv, env)).json()).toMatchObject({ created: false, changed: [] });
    await writeFile(join(folder, 'secret.txt'), `${CLIENT_SECRET}\n`);
    const fromFile = { ...base, client: { ...client, clientSecret: { file: 'secret.txt' } } };
    const put = await run(['connection', 'put', '-f', await fileOf(fromFile), '--json'], env);
    expect(put.json()).toMatchObject({ changed: [] });
    const stdin = await run(['connection', 'put', '-f', '-', '--json'], env, JSON.stringify(base));
    expect(stdin.json()).toMatchObject({ changed: [] });
  });

  it.each<[string, unknown, RegExp]>([
    ['is not there', null, /cannot be read/],
    ['is not JSON', '{\n  "clientSecret": "hunter2" }}', /is not JSON: see line 2, column 30/],
    ['is not JSON at all', 'hunter2', /is not JSON\.$/],
    ['is wrong', { connectionId: 'x', secret: 'hunter2' }, /^authorizationServer: is missing/],
  ])('exits with 2 when the file %s, and quotes nothing', async (_, content, message) => {
    const file = content === null ? join(folder, 'none.json') : await fileOf(content);
    const argv = ['connection', 'put', '-f', file];
    const { exitStatus, error, stderr } = await run([...argv, '--json'], system.environment());
    expect(exitStatus).toBe(2);
    expect(error().message).toMatch(message);
    expect(stderr).not.toContain('hunter2');
    expect((await run(argv, system.environment())).stderr).not.toContain('hunter2');
  });

  it('refuses standard input for two things', async () => {
    const argv = ['connection', 'put', '-f', '-', '--client-secret-stdin'];
    expect((await run(argv, system.environment())).exitStatus).toBe(2);
  });

  it('says when the metadata of an issuer cannot be had', async () => {
    const base = system.connectionFile('issuer');
    const file = await fileOf({ ...base, authorizationServer: { issuer: 'http://127.0.0.1:9' } });
    const put = await run(['connection', 'put', '-f', file, '--json'], system.environment());
    expect(put).toMatchObject({ exitStatus: 1, stdout: '' });
    expect(put.error()).toMatchObject({ type: 'OAuth.unreachable', final: false });
  });

  it('reads the metadata of an issuer and pins its endpoints', async () => {
    const { issuer, tokenEndpoint, revocationEndpoint } = system.authorizationServer;
    const base = system.connectionFile('discovered');
    const file = await fileOf({ ...base, authorizationServer: { issuer } });
    const env = system.environment();
    expect((await run(['connection', 'put', '-f', file], env)).exitStatus).toBe(0);
    const show = await run(['connection', 'show', base.connectionId, '--json'], env);
    expect(show.json()).toMatchObject({
      authorizationServer: { issuer, tokenEndpoint, revocationEndpoint },
    });
  });
});

// Together, because each of them waits for somebody who does not answer.
describe.concurrent('without a worker or Temporal', () => {
  it('put succeeds and says that nobody took note', async () => {
    const base = system.connectionFile('ahead', { lifetime: { refresh: 'ahead' } });
    const file = await fileOf(base, 'ahead.json');
    const put = await run(['connection', 'put', '-f', file, '--json'], system.environment());
    expect(put.exitStatus).toBe(0);
    expect(put.json()).toMatchObject({ created: true });
    expect(put.stderr).toMatch(/No worker answered/);
  });

  it('put and status work without Temporal and say so, within 15 s', async () => {
    const env = { ...system.environment(), TEMPORAL_ADDRESS: NOWHERE };
    const base = system.connectionFile('alone');
    const began = performance.now();
    const put = await run(['connection', 'put', '-f', await fileOf(base, 'alone.json')], env);
    expect(put.exitStatus).toBe(0);
    expect(put.stderr).toMatch(/note: The connection is put\. Temporal did not answer/);
    expect(performance.now() - began).toBeLessThan(15_000);
    const status = await run(['status', base.connectionId, '--json'], env);
    expect(status.json()).toMatchObject({ state: 'active', generation: 0, workflow: null });
    expect(status.stderr).toMatch(/does not answer/);
  });

  it('remove deletes the records all the same, and exits with 1', async () => {
    const env = { ...system.environment(), TEMPORAL_ADDRESS: NOWHERE };
    const { connectionId } = await system.put(system.connectionFile('left'));
    const remove = await run(['connection', 'remove', connectionId, '--json'], env);
    expect(remove.exitStatus).toBe(1);
    expect(remove.error()).toMatchObject({ type: 'Token.unavailable', final: false });
    expect(await system.database.tokens.findOne({ _id: connectionId })).toBeNull();
    const again = await run(['connection', 'remove', connectionId, '--json'], system.environment());
    expect(again.json()).toEqual({ connectionId, removed: false });
  });

  it('token says what it waited for and that no worker is there', async () => {
    const { connectionId } = await system.put(system.connectionFile('waiting'));
    const argv = ['token', connectionId, '--timeout', '3s', '--json'];
    const token = await run(argv, system.environment());
    expect(token.exitStatus).toBe(1);
    expect(token.error().message).toMatch(/No answer from workflow oauth-token-ensure/);
    expect(token.error().message).toMatch(/No worker polls .*oauth-tokens worker/);
    const refresh = await run(
      ['refresh', connectionId, '--timeout', '2s', '--json'],
      system.environment(),
    );
    expect(refresh.exitStatus).toBe(1);
    expect(refresh.error().message).toMatch(/No worker polls/);
  });

  it('MongoDB not answering is said within 15 s', async () => {
    const env = { ...system.environment(), MONGODB_URI: `mongodb://${NOWHERE}/x` };
    const began = performance.now();
    const status = await run(['connection', 'list', '--json'], env);
    expect(status.exitStatus).toBe(1);
    expect(status.error()).toMatchObject({ type: 'Store.unavailable', final: false });
    expect(performance.now() - began).toBeLessThan(15_000);
  });
});
