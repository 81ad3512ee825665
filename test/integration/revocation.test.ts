/** Revocation (RFC 7009): nobody gets the tokens any more, and the server is asked until it has answered. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { RevokeResult } from '../../src/contract/messages.js';
import { lifecycleWorkflowId } from '../../src/contract/names.js';
import { requestRevocation, createLifecycleClient } from '../../src/tokens/index.js';
import {
  issue,
  refuse,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';
import { secretsIn, textsIn } from './secret-search.js';
import { createGate } from '../support/gate.js';
import { forceRefresh, tokenDocument } from '../support/token-records.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  startTokenSystem,
  type TokenSystem,
} from '../support/token-system.js';

let system: TokenSystem;
let server: ScriptedAuthorizationServer;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  await system.startWorker();
});
afterAll(() => system.close());
beforeEach(async () => {
  server = await startScriptedAuthorizationServer();
});
afterEach(() => server.stop());

interface PutOptions {
  /** Null: a connection without revocation endpoint. */
  revocationEndpoint?: string | null;
  refreshToken?: string;
  more?: Record<string, unknown>;
}

async function put(name: string, options: PutOptions = {}): Promise<string> {
  const { revocationEndpoint = server.revocationEndpoint, refreshToken = 'refresh-0' } = options;
  const file = system.connectionFile(name, {
    authorizationServer: {
      tokenEndpoint: server.tokenEndpoint,
      ...(revocationEndpoint === null ? {} : { revocationEndpoint }),
    },
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
    ...options.more,
  });
  const environment = { CLIENT_SECRET, REFRESH_TOKEN: refreshToken };
  return (await system.put(file, environment)).connectionId;
}

/** A connection whose tokens are `access-1` and `refresh-1`. */
async function putIssued(name: string, options: PutOptions = {}): Promise<string> {
  const connectionId = await put(name, options);
  server.script.push(issue('access-1', { refresh_token: 'refresh-1', expires_in: 600 }));
  await system.source().getAccessToken(connectionId);
  return connectionId;
}

const lifecycleClient = () => {
  const { connection, taskQueue } = system;
  return createLifecycleClient({ connection, namespace: 'default', taskQueue });
};

function revoke(connectionId: string, deadlineMs = 30_000): Promise<RevokeResult> {
  const { database } = system;
  const dependencies = { database, lifecycle: lifecycleClient() };
  return requestRevocation(dependencies, connectionId, deadlineMs);
}

const asked = (): string[] => server.revocations.map(({ parameters }) => parameters['token'] ?? '');
const stateOf = async (id: string) => (await tokenDocument(system, id)).state;

async function expectNothingLeft(connectionId: string): Promise<void> {
  const { refreshTokenFingerprint: known, ...document } = await tokenDocument(system, connectionId);
  const { access, grant, candidates, kids, attempt } = document;
  expect({ access, grant, candidates, kids, attempt }).toEqual({
    ...{ access: null, grant: null, candidates: [], attempt: null },
    // The fingerprint of what was imported stays, and so does its key.
    kids: known === null ? [] : [known.kid],
  });
}

it('revokes the refresh token, then the access token, and erases both', async () => {
  const connectionId = await putIssued('revoked');
  const source = system.source();
  await source.getAccessToken(connectionId);
  expect(await revoke(connectionId)).toEqual({
    state: 'revoked',
    revoked: { refreshToken: true, accessToken: true },
    failure: null,
    retryAt: null,
  });
  expect(asked()).toEqual(['refresh-1', 'access-1']);
  const [first] = server.revocations;
  expect(first?.parameters).toMatchObject({
    token_type_hint: 'refresh_token',
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
  });
  await expectNothingLeft(connectionId);
  await expect(system.source().getAccessToken(connectionId)).rejects.toMatchObject({
    ...{ type: 'Token.revoked', nonRetryable: true },
  });
  // Again changes nothing.
  expect(await revoke(connectionId)).toMatchObject({ state: 'revoked' });
  expect(asked()).toHaveLength(2);
});

it('asks until a server that is away for a while has confirmed; callers get Token.revoked at once', async () => {
  const connectionId = await putIssued('away');
  const unavailable = { status: 503, headers: { 'retry-after': '1' } };
  server.revocationScript.push(unavailable, 'reset', unavailable);
  const waiting = revoke(connectionId, 60_000);
  await expect.poll(() => stateOf(connectionId)).toBe('revoking');
  await expect(system.source().getAccessToken(connectionId)).rejects.toMatchObject({
    type: 'Token.revoked',
  });
  expect((await tokenDocument(system, connectionId)).grant).not.toBeNull();
  expect(await waiting).toMatchObject({ state: 'revoked', failure: null });
  expect(asked()).toEqual([...Array<string>(4).fill('refresh-1'), 'access-1']);
});

it('says what has failed, and when it is asked again, to whoever does not wait', async () => {
  const connectionId = await putIssued('told');
  const { revocationScript } = server;
  revocationScript.push({ status: 503, headers: { 'retry-after': '3600' } });
  const result = await revoke(connectionId, 3_000);
  expect(result).toMatchObject({
    state: 'revoking',
    revoked: { refreshToken: false, accessToken: false },
    failure: { type: 'OAuth.server_error', final: false },
  });
  expect(Date.parse(result.retryAt ?? '') - Date.now()).toBeGreaterThan(3_000_000);
  expect(asked()).toEqual(['refresh-1']);
});

it('takes unsupported_token_type for never, and goes on to the next token', async () => {
  const connectionId = await putIssued('unsupported');
  server.revocationScript.push({ status: 200 }, refuse('unsupported_token_type'));
  expect(await revoke(connectionId)).toMatchObject({
    state: 'revoked',
    revoked: { refreshToken: true, accessToken: 'never' },
  });
  const { revocation } = await tokenDocument(system, connectionId);
  expect(revocation).toMatchObject({ refreshToken: true, accessToken: 'never' });
  await expectNothingLeft(connectionId);
});

it('erases the secrets where there is no revocation endpoint, and says that nobody confirmed it', async () => {
  const connectionId = await putIssued('no-endpoint', { revocationEndpoint: null });
  expect(await revoke(connectionId)).toMatchObject({
    state: 'revoked',
    revoked: { refreshToken: 'never', accessToken: 'never' },
  });
  await expectNothingLeft(connectionId);
});

it('waits for an operator when the server refuses the client, and goes on with what is put', async () => {
  const connectionId = await putIssued('refused');
  server.revocationScript.push(refuse('invalid_client', 401));
  expect(await revoke(connectionId, 3_000)).toMatchObject({
    state: 'revoking',
    failure: { type: 'OAuth.invalid_client', final: true },
  });
  expect(asked()).toEqual(['refresh-1']);
  await put('refused');
  await expect.poll(() => stateOf(connectionId), { timeout: 20_000 }).toBe('revoked');
});

it('revokes what a refresh under way brings, and never serves it', async () => {
  const connectionId = await putIssued('in-flight');
  const gate = createGate();
  server.script.push(async () => {
    await gate.pass();
    return issue('access-2', { refresh_token: 'refresh-2', expires_in: 600 });
  });
  const refreshed = forceRefresh(system, connectionId);
  await expect.poll(() => gate.arrived(), { timeout: 20_000 }).toBe(1);
  const waiting = revoke(connectionId, 60_000);
  await expect.poll(() => asked(), { timeout: 20_000 }).toContain('access-1');
  // The answer may still come: the revocation does not end before it.
  expect(await stateOf(connectionId)).toBe('revoking');
  gate.open();
  expect(await waiting).toMatchObject({
    ...{ state: 'revoked', revoked: { refreshToken: true, accessToken: true } },
  });
  await refreshed;
  expect(new Set(asked())).toEqual(new Set(['refresh-1', 'access-1', 'refresh-2', 'access-2']));
  expect(server.ledger.isActive('access-2')).toBe(false);
  await expectNothingLeft(connectionId);
  expect(await tokenDocument(system, connectionId)).toMatchObject({ epoch: 1, generation: 1 });
});

it('ends when a refresh under way is refused', async () => {
  const connectionId = await putIssued('in-flight-refused');
  const gate = createGate();
  server.script.push(async () => {
    await gate.pass();
    return refuse('invalid_grant');
  });
  const refreshed = forceRefresh(system, connectionId);
  await expect.poll(() => gate.arrived(), { timeout: 20_000 }).toBe(1);
  const waiting = revoke(connectionId, 60_000);
  await expect.poll(() => asked(), { timeout: 20_000 }).toContain('access-1');
  gate.open();
  expect(await waiting).toMatchObject({ state: 'revoked' });
  await refreshed;
});

it('revokes what a refresh brings for a connection that another consent has moved on', async () => {
  const connectionId = await putIssued('moved-on');
  const gate = createGate();
  server.script.push(async () => {
    await gate.pass();
    return issue('access-2', { refresh_token: 'refresh-2' });
  });
  const refreshed = forceRefresh(system, connectionId);
  await expect.poll(() => gate.arrived(), { timeout: 20_000 }).toBe(1);
  await put('moved-on', { refreshToken: 'refresh-of-another-consent' });
  gate.open();
  await expect.poll(() => asked(), { timeout: 20_000 }).toEqual(['refresh-2', 'access-2']);
  await refreshed;
  expect(await tokenDocument(system, connectionId)).toMatchObject({ epoch: 2, state: 'active' });
});

it('starts the next epoch when another grant is put after a revocation, and only then', async () => {
  const connectionId = await putIssued('put-again');
  await revoke(connectionId);
  await put('put-again');
  expect(await tokenDocument(system, connectionId)).toMatchObject({ epoch: 1, state: 'revoked' });
  await put('put-again', { refreshToken: 'refresh-of-another-consent' });
  expect(await tokenDocument(system, connectionId)).toMatchObject({
    ...{ epoch: 2, state: 'active', revocation: null },
  });
  server.script.push(issue('access-9', { refresh_token: 'refresh-9' }));
  const token = await system.source().getAccessToken(connectionId);
  expect(token).toMatchObject({ epoch: 2, generation: 2 });
});

it('lets client credentials serve again when they are put after a revocation', async () => {
  const grant = { grantType: 'client_credentials', scope: 'read' };
  const connectionId = await put('machine', { more: { grant } });
  await system.source().getAccessToken(connectionId);
  expect(await revoke(connectionId)).toMatchObject({
    ...{ state: 'revoked', revoked: { refreshToken: null, accessToken: true } },
  });
  await put('machine', { more: { grant } });
  expect(await system.source().getAccessToken(connectionId)).toMatchObject({ epoch: 2 });
});

it('refuses a new grant while the old one is being revoked', async () => {
  const connectionId = await putIssued('still-revoking');
  server.revocationScript.push({ status: 503, headers: { 'retry-after': '3600' } });
  await revoke(connectionId, 2_000);
  const again = put('still-revoking', { refreshToken: 'another' });
  await expect(again).rejects.toThrow(/is being revoked/);
});

it('is done by the revokeConnection workflow, by name, and by the update', async () => {
  const byWorkflow = await putIssued('by-workflow');
  server.revocationScript.push({ status: 503 });
  const { taskQueue, client } = system;
  const options = { taskQueue, workflowId: `revoke-${system.id}` };
  const args = [{ connectionId: byWorkflow }];
  expect(await client.workflow.execute('revokeConnection', { ...options, args })).toMatchObject({
    ...{ state: 'revoked', revoked: { refreshToken: true, accessToken: true } },
  });
  server.script.push(issue('access-1', { refresh_token: 'refresh-1' }));
  const byUpdate = await put('by-update');
  await system.source().getAccessToken(byUpdate);
  const handle = client.workflow.getHandle(lifecycleWorkflowId(byUpdate));
  expect(await handle.executeUpdate('revoke', { args: [{}] })).toMatchObject({ state: 'revoked' });
});

it('ends the grant at a real authorization server', async () => {
  const { authorizationServer } = system;
  const refreshToken = await authorizationServer.mintRefreshToken({
    ...{ clientId: CLIENT_ID, accountId: 'somebody', scope: 'things:read' },
  });
  const { tokenEndpoint, revocationEndpoint } = authorizationServer;
  const connectionId = await put('real', {
    refreshToken,
    more: { authorizationServer: { tokenEndpoint, revocationEndpoint } },
  });
  const token = await system.source().getAccessToken(connectionId);
  expect(authorizationServer.countRefreshTokens()).toBe(1);
  expect(await revoke(connectionId)).toMatchObject({ state: 'revoked' });
  expect(authorizationServer.countRefreshTokens()).toBe(0);
  expect(authorizationServer.revokeAccessToken(token.reveal())).toBe(false);
});

it('is noticed within seconds by a process that has the token in memory', async () => {
  const connectionId = await putIssued('in-memory');
  const source = system.source();
  await source.getAccessToken(connectionId);
  await revoke(connectionId);
  const refused = () =>
    source.getAccessToken(connectionId).then(
      () => 'served',
      (error: unknown) => (error as { type?: string }).type,
    );
  await expect.poll(refused, { timeout: 8_000, interval: 200 }).toBe('Token.revoked');
});

it('leaves no token in a history, whatever the server echoes', async () => {
  const marked = ['marked-access-9e1c7f0a24', 'marked-refresh-5b80d3c6f1'] as const;
  const [accessToken, refreshToken] = marked;
  const connectionId = await put('echo');
  server.script.push(issue(accessToken, { refresh_token: refreshToken }));
  await system.source().getAccessToken(connectionId);
  server.revocationScript.push(
    ({ parameters }) => ({ status: 503, headers: { 'x-echo': refreshToken }, body: parameters }),
    ({ parameters }) => ({
      status: 400,
      body: { error: parameters['token'], error_description: parameters['token'] },
    }),
  );
  const { taskQueue, client } = system;
  const workflowId = `revoke-echo-${system.id}`;
  const options = { taskQueue, workflowId, args: [{ connectionId }] };
  const handle = await client.workflow.start('revokeConnection', options);
  await expect.poll(() => asked().length, { timeout: 20_000 }).toBe(2);
  await expect
    .poll(async () => (await tokenDocument(system, connectionId)).lastOutcome?.type)
    .toBe('OAuth.other');
  await put('echo');
  expect(await handle.result()).toMatchObject({ state: 'revoked' });
  for (const id of [workflowId, lifecycleWorkflowId(connectionId)]) {
    const history = await client.workflow.getHandle(id).fetchHistory();
    expect(secretsIn(textsIn(history.events), [...marked, CLIENT_SECRET])).toEqual([]);
  }
});
