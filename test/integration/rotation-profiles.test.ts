/** What a connection declares about its server's rotation, and when a lost answer is asked for again. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  issue,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';
import { forceRefresh, tokenDocument } from '../support/token-records.js';
import { CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';

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

async function put(name: string, rotation?: unknown): Promise<string> {
  const { tokenEndpoint } = endpoint;
  const grant = { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } };
  const file = system.connectionFile(name, {
    authorizationServer: { tokenEndpoint },
    grant: rotation === undefined ? grant : { ...grant, rotation },
  });
  const environment = { CLIENT_SECRET, REFRESH_TOKEN: 'refresh-0' };
  return (await system.put(file, environment)).connectionId;
}

const presented = (): (string | undefined)[] =>
  endpoint.received.map(({ parameters }) => parameters['refresh_token']);

/** When a request arrived after the one before it, in milliseconds. */
const arrivedAfter = (index: number): number =>
  (endpoint.received[index]?.at ?? NaN) - (endpoint.received[index - 1]?.at ?? NaN);

it('asks again at once inside a declared grace, in the same attempt', async () => {
  const connectionId = await put('graced', { graceMs: 30_000 });
  endpoint.script.push(
    issue('access-1', { refresh_token: 'refresh-1' }),
    'reset',
    issue('access-2', { refresh_token: 'refresh-2' }),
  );
  await system.source().getAccessToken(connectionId);
  // Whoever asked does not even learn of it.
  expect(await forceRefresh(system, connectionId)).toMatchObject({
    outcome: 'issued',
    token: { generation: 2 },
  });
  expect(presented()).toEqual(['refresh-0', 'refresh-1', 'refresh-1']);
  expect(arrivedAfter(2)).toBeLessThan(1_000);
  const { state, unknown, rotationEvidence } = await tokenDocument(system, connectionId);
  expect({ state, unknown }).toEqual({ state: 'active', unknown: [] });
  expect(rotationEvidence).toEqual({
    sameTokenReturned: 0,
    newTokenReturned: 2,
    oldTokenAcceptedAfterUnknown: 1,
  });
});

it('puts nothing at risk where refresh tokens stay valid, and sees that they do', async () => {
  const connectionId = await put('not-rotating', 'none');
  endpoint.script.push(issue('access-1', { refresh_token: 'refresh-0' }), 'reset');
  await system.source().getAccessToken(connectionId);
  expect(await forceRefresh(system, connectionId)).toMatchObject({ outcome: 'failed' });
  expect((await tokenDocument(system, connectionId)).state).toBe('active');
  await expect
    .poll(async () => (await tokenDocument(system, connectionId)).generation, { timeout: 20_000 })
    .toBe(2);
  expect(presented()).toEqual(['refresh-0', 'refresh-0', 'refresh-0']);
  expect((await tokenDocument(system, connectionId)).rotationEvidence).toEqual({
    sameTokenReturned: 2,
    newTokenReturned: 0,
    oldTokenAcceptedAfterUnknown: 1,
  });
});

it('asks a strict server again only when the old access token is nearly spent', async () => {
  const connectionId = await put('strict', 'strict');
  endpoint.script.push(
    issue('access-1', { refresh_token: 'refresh-1', expires_in: 10 }),
    'reset',
    issue('access-2', { refresh_token: 'refresh-2' }),
  );
  const source = system.source();
  await source.getAccessToken(connectionId);
  expect(await forceRefresh(system, connectionId)).toMatchObject({ outcome: 'failed' });
  expect((await tokenDocument(system, connectionId)).state).toBe('at_risk');
  await expect
    .poll(async () => (await source.getAccessToken(connectionId)).generation, { timeout: 20_000 })
    .toBe(2);
  // Ten seconds less twice the leeway of one, from the first request on.
  const probedAfterMs = arrivedAfter(1) + arrivedAfter(2);
  expect(probedAfterMs).toBeGreaterThan(7_500);
  expect(probedAfterMs).toBeLessThan(10_000);
  expect(presented()).toEqual(['refresh-0', 'refresh-1', 'refresh-1']);
});

it('changes nothing that was issued when the declaration changes', async () => {
  const connectionId = await put('declared-later');
  endpoint.script.push(issue('access-1', { refresh_token: 'refresh-1' }));
  await system.source().getAccessToken(connectionId);
  await put('declared-later', 'strict');
  expect((await system.source().getAccessToken(connectionId)).reveal()).toBe('access-1');
  expect(endpoint.received).toHaveLength(1);
});
