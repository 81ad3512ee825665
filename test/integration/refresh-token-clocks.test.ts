/** When a refresh token ends, and how it is kept from ending unused. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lifecycleWorkflowId } from '../../src/contract/names.js';
import {
  issue,
  refuse,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';
import { forceRefresh, tokenDocument } from '../support/token-records.js';
import { CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';

const DAY = 24 * 3_600_000;

let system: TokenSystem;
let server: ScriptedAuthorizationServer;

beforeAll(async () => {
  system = await startTokenSystem();
  server = await startScriptedAuthorizationServer();
  await system.startWorker();
});
afterAll(async () => {
  await system.close();
  await server.stop();
});

async function put(name: string, lifetime: Record<string, unknown> = {}): Promise<string> {
  const file = system.connectionFile(name, {
    authorizationServer: { tokenEndpoint: server.tokenEndpoint },
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
    lifetime,
  });
  await system.put(file, { CLIENT_SECRET, REFRESH_TOKEN: 'refresh-0' });
  return file.connectionId;
}

const issueRefresh = (n: number, members: Record<string, unknown> = {}) =>
  server.script.push(
    issue(`access-${n}`, { refresh_token: `refresh-${n}`, expires_in: 86_400, ...members }),
  );

/** Days from now; null: no end. */
async function days(connectionId: string, member: 'refreshTokenExpiresAt' | 'keepAliveAt') {
  const at = (await tokenDocument(system, connectionId))[member] ?? null;
  return at === null ? null : Math.round(((at.getTime() - Date.now()) / DAY) * 100) / 100;
}

it.each([
  ['refresh_token_expires_in', { refresh_token_expires_in: 864_000 }, 10],
  ['digits in x_refresh_token_expires_in', { x_refresh_token_expires_in: '864000' }, 10],
  ['refresh_expires_in of 0, which is no end', { refresh_expires_in: 0 }, null],
  ['the connection, where the server does not say', {}, 30],
])('keeps the end of a refresh token from %s', async (name, members, expected) => {
  const connectionId = await put(`ends-${name.length}`, { refreshTokenExpiresInMs: 30 * DAY });
  expect(await days(connectionId, 'refreshTokenExpiresAt')).toBeCloseTo(30, 1);
  issueRefresh(1, members);
  await system.source().getAccessToken(connectionId);
  const found = await days(connectionId, 'refreshTokenExpiresAt');
  if (expected === null) expect(found).toBeNull();
  else expect(found).toBeCloseTo(expected, 1);
});

it('keeps the end of a refresh token that stays the same when a later answer does not say it', async () => {
  const connectionId = await put('stays');
  issueRefresh(1, { refresh_token: 'refresh-0', refresh_token_expires_in: 864_000 });
  await system.source().getAccessToken(connectionId);
  issueRefresh(2, { refresh_token: undefined });
  await forceRefresh(system, connectionId);
  expect(await days(connectionId, 'refreshTokenExpiresAt')).toBeCloseTo(10, 1);
});

it('counts the idle time from the last use, and from a put that changes it', async () => {
  const connectionId = await put('idle', { refreshTokenIdleMs: 10 * DAY });
  expect(await days(connectionId, 'keepAliveAt')).toBeCloseTo(7, 1);
  issueRefresh(1);
  await system.source().getAccessToken(connectionId);
  expect(await days(connectionId, 'keepAliveAt')).toBeCloseTo(7, 1);
  await put('idle', { refreshTokenIdleMs: 20 * DAY });
  expect(await days(connectionId, 'keepAliveAt')).toBeCloseTo(14, 1);
  await put('idle');
  expect(await days(connectionId, 'keepAliveAt')).toBeNull();
});

/** Lets the refresh token have lain idle. */
async function letLieIdle(connectionId: string): Promise<void> {
  const keepAliveAt = new Date(Date.now() - 1_000);
  await system.database.tokens.updateOne({ _id: connectionId }, { $set: { keepAliveAt } });
}

it('uses an idle refresh token although its access token is fresh and nobody asks', async () => {
  const connectionId = await put('kept-alive', { refreshTokenIdleMs: 10 * DAY });
  issueRefresh(1);
  await system.source().getAccessToken(connectionId);
  const handle = system.client.workflow.getHandle(lifecycleWorkflowId(connectionId));
  await handle.terminate();
  await letLieIdle(connectionId);
  issueRefresh(2);
  // A worker looks for what is due when it starts, and every five minutes.
  const another = await system.startWorker();
  await expect
    .poll(async () => (await tokenDocument(system, connectionId)).generation, { timeout: 20_000 })
    .toBe(2);
  expect(await days(connectionId, 'keepAliveAt')).toBeCloseTo(7, 1);
  await another.stop();
});

it('uses it in a run that is there, of an on-demand connection too', async () => {
  const connectionId = await put('kept-alive-running', { refreshTokenIdleMs: 10 * DAY });
  issueRefresh(1);
  await system.source().getAccessToken(connectionId);
  await letLieIdle(connectionId);
  issueRefresh(2);
  const handle = system.client.workflow.getHandle(lifecycleWorkflowId(connectionId));
  await handle.executeUpdate('configure', { args: [{}] });
  await expect
    .poll(async () => (await tokenDocument(system, connectionId)).generation, { timeout: 20_000 })
    .toBe(2);
});

it('presents a refresh token past its end once, and asks for a person when it is refused', async () => {
  const connectionId = await put('ended', { refreshTokenIdleMs: 10 * DAY });
  issueRefresh(1, { refresh_token_expires_in: 864_000 });
  await system.source().getAccessToken(connectionId);
  const past = new Date(Date.now() - DAY);
  await system.database.tokens.updateOne(
    { _id: connectionId },
    { $set: { refreshTokenExpiresAt: past, expiresAt: past, refreshAfter: past } },
  );
  const before = server.received.length;
  server.script.push(refuse('invalid_grant'));
  await expect(system.source().getAccessToken(connectionId)).rejects.toMatchObject({
    type: 'Token.reauthorization_required',
  });
  expect(server.received.length - before).toBe(1);
  const { state, keepAliveAt } = await tokenDocument(system, connectionId);
  expect({ state, keepAliveAt }).toEqual({ state: 'reauthorization_required', keepAliveAt: null });
});
