import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { run } from './run.js';

let system: TokenSystem;
beforeAll(async () => {
  system = await startTokenSystem();
  await system.startWorker();
});
afterAll(() => system.close());

describe('with a worker', () => {
  it('token obtains one, needs neither keys nor MongoDB, and prints no secret', async () => {
    const { connectionId } = await system.put(system.connectionFile('token'));
    const env = {
      ...system.environment(),
      MONGODB_URI: undefined,
      OAUTH_TOKENS_KEYS_FILE: undefined,
    };
    const token = await run(['token', connectionId, '--min-valid', '5s', '--json'], env);
    expect(token.stderr).toBe('');
    expect(token.json()).toEqual({
      ...{ connectionId, epoch: 1, generation: 1, tokenType: 'Bearer' },
      scope: expect.anything() as unknown,
      expiresAt: expect.stringMatching(/Z$/) as string,
    });
    const text = await run(['token', connectionId], env);
    expect(text.stdout).toMatch(/has a valid token[^]*expires +.*in \d+ s/);
  });

  it('token tells the failure that the workflow ends with', async () => {
    const missing = await run(['token', 'nobody', '--json'], system.environment());
    expect(missing.exitStatus).toBe(1);
    expect(missing.error()).toMatchObject({ type: 'Connection.not_found', final: true });
  });

  it('refresh has a new token issued each time', async () => {
    const { connectionId } = await system.put(system.connectionFile('refresh'));
    const argv = ['refresh', connectionId, '--json'];
    for (const generation of [1, 2, 3]) {
      const refresh = await run(argv, system.environment());
      expect(refresh.stderr).toBe('');
      expect(refresh.json()).toMatchObject({
        outcome: 'issued',
        token: { connectionId, generation },
        failure: null,
      });
    }
  });

  it('refresh and token tell a client that is refused, until it is put right', async () => {
    const file = system.connectionFile('refused');
    const { connectionId } = await system.put(file, { CLIENT_SECRET: 'wrong' });
    const refresh = await run(['refresh', connectionId, '--json'], system.environment());
    expect(refresh.exitStatus).toBe(1);
    expect(refresh.error()).toMatchObject({ type: 'OAuth.invalid_client', final: true });
    expect(refresh.json()).toEqual({
      outcome: 'failed',
      token: null,
      failure: { type: 'OAuth.invalid_client', final: true },
      retryAt: null,
    });
    const again = await run(['refresh', connectionId, '--json'], system.environment());
    expect(again.json()).toEqual(refresh.json());
    const token = await run(['token', connectionId, '--json'], system.environment());
    expect(token.error()).toMatchObject({ type: 'OAuth.invalid_client', final: true });
    const doctor = await run(['doctor', connectionId, '--json'], system.environment());
    expect(doctor.exitStatus).toBe(1);
    expect(await system.put(file)).toMatchObject({ changed: ['client.clientSecret'] });
    expect((await run(['token', connectionId], system.environment())).exitStatus).toBe(0);
  });

  it('status shows the run and where to look at it', async () => {
    const { connectionId } = await system.put(system.connectionFile('status'));
    await run(['refresh', connectionId], system.environment());
    const status = await run(['status', connectionId, '--json'], system.environment());
    expect(status.json()).toMatchObject({
      ...{ connectionId, state: 'active', generation: 1, failures: 0, invalid: null },
      lastOutcome: { outcome: 'issued', type: null },
      rotation: {
        declared: null,
        seen: { sameTokenReturned: 0, newTokenReturned: 0, oldTokenAcceptedAfterUnknown: 0 },
      },
      workflow: {
        workflowId: `oauth-token/${connectionId}`,
        status: 'RUNNING',
        url: expect.stringContaining(`oauth-token%2F${connectionId}`) as string,
      },
    });
    const text = (await run(['status', connectionId], system.environment())).stdout;
    expect(text).toMatch(/state +active[^]*workflow +oauth-token/);
  });

  it('put tells a running lifecycle, and remove ends it', async () => {
    const file = system.connectionFile('ends', { lifetime: { refresh: 'ahead' } });
    const { connectionId } = await system.put(file);
    const remove = await run(
      ['connection', 'remove', connectionId, '--json'],
      system.environment(),
    );
    expect(remove.json()).toEqual({ connectionId, removed: true, revoked: null });
    const run1 = await system.client.workflow.getHandle(`oauth-token/${connectionId}`).describe();
    expect(run1.status.name).toBe('TERMINATED');
  });
});

describe('call', () => {
  it("calls the API with the connection's token", async () => {
    const { connectionId } = await system.put(system.connectionFile('call'));
    const url = `${system.api.origin}/v1/things`;
    const call = await run(['call', connectionId, 'GET', url, '--json'], system.environment());
    expect(call.stderr).toBe('');
    expect(call.exitStatus).toBe(0);
    expect(call.json<{ status: number }>().status).toBeLessThan(500);
    const text = await run(['call', connectionId, 'GET', url], system.environment());
    expect(text.stdout).toMatch(/^HTTP \d{3}\n/);
  });

  it('exits with 0 whatever the status, and with --fail from 400 on with 1', async () => {
    const { connectionId } = await system.put(system.connectionFile('fail'));
    const argv = ['call', connectionId, 'GET', `${system.api.origin}/no/such/thing`, '--json'];
    const call = await run(argv, system.environment());
    expect(call).toMatchObject({ exitStatus: 0 });
    expect(call.json()).toMatchObject({ status: 404 });
    const failing = await run([...argv, '--fail'], system.environment());
    expect(failing.exitStatus).toBe(1);
    expect(failing.json()).toMatchObject({ status: 404 });
    expect(failing.error()).toMatchObject({
      type: 'Api.status',
      message: 'The API answered with 404.',
    });
  });

  it('sends no token to another origin, and no header of the protocol', async () => {
    const { connectionId } = await system.put(system.connectionFile('origin'));
    const other = ['call', connectionId, 'GET', 'https://other.example.com/', '--json'];
    const refused = await run(other, system.environment());
    expect(refused.exitStatus).toBe(1);
    expect(refused.error()).toMatchObject({ type: 'Policy.origin_not_allowed', final: true });
    const own = ['call', connectionId, 'GET', `${system.api.origin}/`, '-H', 'Authorization: x'];
    const header = await run([...own, '--json'], system.environment());
    expect(header.error().type).toBe('Policy.header_not_allowed');
  });
});

describe('doctor and keys list', () => {
  it('find everything well', async () => {
    const { connectionId } = await system.put(system.connectionFile('well'));
    const before = system.authorizationServer.countTokenRequests();
    const env = { ...system.environment(), OAUTH_TOKENS_SEARCH_ATTRIBUTES: 'true' };
    const doctor = await run(['doctor', connectionId, '--json'], env);
    const { ok, checks } = doctor.json<{ ok: boolean; checks: { name: string; ok: boolean }[] }>();
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    expect(ok).toBe(true);
    expect(doctor.exitStatus).toBe(0);
    expect(checks.map(({ name }) => name)).toEqual([
      ...['environment', 'temporal', 'namespace', 'worker', 'search_attributes'],
      ...['mongodb', 'mongodb_writes', 'mongodb_roles', 'mongodb_indexes', 'deployment'],
      ...['keys', 'keys_in_use', 'data_converter'],
      ...['connection', 'secrets', 'token_endpoint', 'token'],
    ]);
    expect(system.authorizationServer.countTokenRequests()).toBe(before);
  });

  it('say what to do when the deployment is another one or a connection is not there', async () => {
    const env = { ...system.environment(), OAUTH_TOKENS_TASK_QUEUE: 'another' };
    const doctor = await run(['doctor', 'nobody', '--json'], env);
    expect(doctor.exitStatus).toBe(1);
    const { checks } = doctor.json<{
      checks: { name: string; ok: boolean; fix: string | null }[];
    }>();
    const failed = checks.filter(({ ok }) => !ok);
    expect(failed.map(({ name }) => name)).toEqual([
      ...['worker', 'deployment', 'connection', 'secrets', 'token_endpoint', 'token'],
    ]);
    expect(failed.every(({ fix }) => fix !== null && fix !== '')).toBe(true);
    const file = system.connectionFile('elsewhere').connectionId;
    const remove = await run(['connection', 'remove', file, '--json'], env);
    expect(remove.exitStatus).toBe(2);
    expect(remove.error()).toMatchObject({ type: 'Environment.invalid' });
    expect((await run(['doctor'], env)).stdout).toMatch(/✗ worker[^]*→ Start one/);
  });

  it('count the records that each key holds', async () => {
    await system.put(system.connectionFile('counted'));
    const list = await run(['keys', 'list', '--json'], system.environment());
    const { keys } = list.json<{ keys: { purpose: string; active: boolean; records: number }[] }>();
    expect(keys.map(({ purpose }) => purpose)).toEqual(['access', 'grant']);
    expect(keys.every(({ active, records }) => active && records > 0)).toBe(true);
  });

  it('print no secret anywhere', async () => {
    const { connectionId } = await system.put(system.connectionFile('secret'));
    const env = system.environment();
    const outputs = await Promise.all(
      [
        ['status', connectionId],
        ['doctor', connectionId],
        ['connection', 'show', connectionId],
      ].map((argv) => run(argv, env)),
    );
    expect(JSON.stringify(outputs)).not.toContain(CLIENT_SECRET);
  });
});
