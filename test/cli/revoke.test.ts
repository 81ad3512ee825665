import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  issue,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';
import { tokenDocument } from '../support/token-records.js';
import { CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { NOWHERE, run } from './run.js';

let system: TokenSystem;
let server: ScriptedAuthorizationServer;
let count = 0;

beforeAll(async () => {
  system = await startTokenSystem();
  await system.startWorker();
});
afterAll(() => system.close());
beforeEach(async () => {
  server = await startScriptedAuthorizationServer();
});
afterEach(() => server.stop());

async function putIssued(): Promise<string> {
  const { tokenEndpoint, revocationEndpoint } = server;
  const file = system.connectionFile(`cli-${(count += 1)}`, {
    authorizationServer: { tokenEndpoint, revocationEndpoint },
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  await system.put(file, { CLIENT_SECRET, REFRESH_TOKEN: 'refresh-0' });
  server.script.push(issue('access-1', { refresh_token: 'refresh-1', expires_in: 600 }));
  await system.source().getAccessToken(file.connectionId);
  return file.connectionId;
}

const LATER = { status: 503, headers: { 'retry-after': '3600' } };
const asked = () => server.revocations.map(({ parameters }) => parameters['token']);

describe('revoke', () => {
  it('says what the server confirmed, as does status', async () => {
    const id = await putIssued();
    const env = system.environment();
    const revoked = await run(['revoke', id, '--json'], env);
    expect(revoked.stderr).toBe('');
    expect(revoked.exitStatus).toBe(0);
    expect(revoked.json()).toEqual({
      connectionId: id,
      state: 'revoked',
      revoked: { refreshToken: true, accessToken: true },
      failure: null,
      retryAt: null,
    });
    const status = await run(['status', id], env);
    expect(status.stdout).toMatch(/state +revoked/);
    expect(status.stdout).toMatch(/refresh token +revoked/);
    expect((await run(['status', id, '--json'], env)).json()).toMatchObject({
      revocation: { refreshToken: true, accessToken: true },
    });
  });

  it('says that the tokens have to be taken for alive when the server has not confirmed', async () => {
    const id = await putIssued();
    server.revocationScript.push(LATER);
    const argv = ['revoke', id, '--timeout', '3s'];
    const json = await run([...argv, '--json'], system.environment());
    expect(json.exitStatus).toBe(1);
    expect(json.json()).toMatchObject({ state: 'revoking', revoked: { refreshToken: false } });
    expect(json.error()).toMatchObject({ type: 'OAuth.server_error', final: false });
    expect(json.error().message).toMatch(/taken for alive/);
    const text = await run(argv, system.environment());
    expect(text.stderr).toMatch(/Waiting for the authorization server to revoke them, at most 3s/);
    expect(text.stdout).toMatch(/refresh token +not confirmed yet/);
  });

  it('holds without Temporal, and says who goes on', async () => {
    const id = await putIssued();
    const env = { ...system.environment(), TEMPORAL_ADDRESS: NOWHERE };
    const revoked = await run(['revoke', id, '--json'], env);
    expect(revoked.exitStatus).toBe(1);
    expect(revoked.error()).toMatchObject({ type: 'Token.unavailable', final: false });
    expect((await tokenDocument(system, id)).state).toBe('revoking');
    await expect(system.source().getAccessToken(id)).rejects.toMatchObject({
      type: 'Token.revoked',
    });
  });

  it('knows no connection that is not there', async () => {
    const revoked = await run(['revoke', 'nobody', '--json'], system.environment());
    expect(revoked.exitStatus).toBe(1);
    expect(revoked.error()).toMatchObject({ type: 'Connection.not_found', final: true });
  });
});

describe('connection remove', () => {
  it('has the tokens revoked first', async () => {
    const id = await putIssued();
    const removed = await run(['connection', 'remove', id, '--json'], system.environment());
    expect(removed.json()).toEqual({
      connectionId: id,
      removed: true,
      revoked: { refreshToken: true, accessToken: true },
    });
    expect(asked()).toEqual(['refresh-1', 'access-1']);
  });

  it('removes nothing while the server has not confirmed, and says how to go on', async () => {
    const id = await putIssued();
    server.revocationScript.push(LATER);
    const argv = ['connection', 'remove', id, '--json'];
    const env = system.environment();
    const kept = await run([...argv, '--timeout', '3s'], env);
    expect(kept.exitStatus).toBe(1);
    expect(kept.error().message).toMatch(/Nothing is removed yet: .* --keep-grant/);
    expect((await tokenDocument(system, id)).state).toBe('revoking');
    const removed = await run([...argv, '--keep-grant'], env);
    expect(removed.json()).toEqual({ connectionId: id, removed: true });
    expect(asked()).toEqual(['refresh-1']);
  });
});
