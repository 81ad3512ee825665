/** `client_credentials` at an authorization server that adds a refresh token to its answers. */
import { afterAll, beforeAll, beforeEach, afterEach, expect, it } from 'vitest';
import {
  issue,
  refuse,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';
import { forceRefresh, tokenDocument } from '../support/token-records.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

let system: TokenSystem;
let endpoint: ScriptedAuthorizationServer;

beforeAll(async () => {
  system = await startTokenSystem();
  await system.startWorker();
});
afterAll(() => system.close());
beforeEach(async () => {
  endpoint = await startScriptedAuthorizationServer();
});
afterEach(() => endpoint.stop());

async function put(name: string, grant: Record<string, unknown> = {}): Promise<string> {
  const { tokenEndpoint } = endpoint;
  const file = system.connectionFile(name, {
    authorizationServer: { tokenEndpoint },
    grant: { grantType: 'client_credentials', scope: 'read', ...grant },
  });
  return (await system.put(file)).connectionId;
}

const token = async (connectionId: string): Promise<string> =>
  (await system.source().getAccessToken(connectionId)).reveal();

it('uses the refresh token of the answer next time, and the one that replaces it', async () => {
  const connectionId = await put('spare-used');
  endpoint.script.push(
    issue('access-1', { refresh_token: 'spare-1' }),
    issue('access-2', { refresh_token: 'spare-2' }),
    issue('access-3'),
    issue('access-4'),
  );
  expect(await token(connectionId)).toBe('access-1');
  for (const expected of ['access-2', 'access-3', 'access-4']) {
    expect(await forceRefresh(system, connectionId)).toMatchObject({ outcome: 'issued' });
    expect(await token(connectionId)).toBe(expected);
  }
  const presented = endpoint.received.map(({ parameters }) => parameters['refresh_token'] ?? null);
  // Kept when an answer brings none (RFC 6749 §6).
  expect(presented).toEqual([null, 'spare-1', 'spare-2', 'spare-2']);
  expect(endpoint.grantTypes()).toEqual([
    'client_credentials',
    'refresh_token',
    'refresh_token',
    'refresh_token',
  ]);
});

it('falls back to client credentials in the same attempt when the refresh token is refused', async () => {
  const connectionId = await put('spare-refused');
  endpoint.script.push(
    issue('access-1', { refresh_token: 'spare-1' }),
    refuse('invalid_grant'),
    issue('access-2'),
  );
  expect(await token(connectionId)).toBe('access-1');
  const answer = await forceRefresh(system, connectionId);
  expect(answer).toMatchObject({ outcome: 'issued', token: { generation: 2 } });
  expect(await token(connectionId)).toBe('access-2');
  expect(endpoint.grantTypes()).toEqual([
    'client_credentials',
    'refresh_token',
    'client_credentials',
  ]);
  const { state, failures, grant, lastOutcome } = await tokenDocument(system, connectionId);
  expect({ state, failures, grant }).toEqual({ state: 'active', failures: 0, grant: null });
  expect(lastOutcome?.outcome).toBe('issued');

  // The refused one is forgotten.
  expect(await forceRefresh(system, connectionId)).toMatchObject({ outcome: 'issued' });
  expect(endpoint.grantTypes().at(-1)).toBe('client_credentials');
  expect(endpoint.received).toHaveLength(4);
});

it('forgets a refused refresh token even when the client credentials meet an outage', async () => {
  const connectionId = await put('spare-outage');
  endpoint.script.push(
    issue('access-1', { refresh_token: 'spare-1' }),
    refuse('invalid_grant'),
    { status: 500, body: 'broken' },
    issue('access-2'),
  );
  expect(await token(connectionId)).toBe('access-1');
  expect(await forceRefresh(system, connectionId)).toMatchObject({
    outcome: 'failed',
    failure: { type: 'OAuth.server_error', final: false },
  });
  // The old token serves meanwhile; the lifecycle asks again by itself.
  expect(await token(connectionId)).toBe('access-1');
  await expect.poll(() => token(connectionId), { timeout: 20_000 }).toBe('access-2');
  expect(endpoint.grantTypes()).toEqual([
    'client_credentials',
    'refresh_token',
    'client_credentials',
    'client_credentials',
  ]);
});

it('ignores the refresh token of the answer with "useRefreshToken": false', async () => {
  const connectionId = await put('spare-ignored', { useRefreshToken: false });
  endpoint.otherwise = () => issue('access', { refresh_token: 'spare' });
  await token(connectionId);
  expect(await forceRefresh(system, connectionId)).toMatchObject({ outcome: 'issued' });
  expect(await forceRefresh(system, connectionId)).toMatchObject({ outcome: 'issued' });
  expect(new Set(endpoint.grantTypes())).toEqual(new Set(['client_credentials']));
  expect(endpoint.received).toHaveLength(3);
  expect((await tokenDocument(system, connectionId)).grant).toBeNull();
});
