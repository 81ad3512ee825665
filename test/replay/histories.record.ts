/**
 * Records histories of the workflows as they are now: `npm run record-histories`. The files in
 * test/histories are kept for ever; a change of behaviour goes under `patched()` and adds files.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lifecycleWorkflowId } from '../../src/contract/names.js';
import { issue, startScriptedAuthorizationServer } from '../../src/testing/index.js';
import { addActiveKeys } from '../support/key-files.js';
import { CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { recordHistory } from './record-history.js';

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 6 } });
  await system.startWorker();
});
afterAll(() => system.close());

const record = (name: string, workflowId: string, runId?: string): Promise<void> =>
  recordHistory(name, {
    ...{ address: system.address, workflowId },
    ...(runId === undefined ? {} : { runId }),
  });

const answer = (status: number, error: string) => ({ status, body: JSON.stringify({ error }) });

it('an on-demand lifecycle with two refreshes', async () => {
  const { connectionId } = await system.put(system.connectionFile('on-demand'));
  const tokens = system.source();
  const { generation } = await tokens.getAccessToken(connectionId);
  await tokens.getAccessToken(connectionId, { rejectedGeneration: generation });
  await record('on-demand', lifecycleWorkflowId(connectionId));
});

it('a lifecycle that refreshes ahead, and is then configured to wait for callers', async () => {
  const file = system.connectionFile('ahead', { lifetime: { refresh: 'ahead' } });
  const { connectionId } = await system.put(file);
  await sleep(11_000);
  await system.put({ ...file, lifetime: { refresh: 'on-demand' } });
  await record('ahead-then-configured', lifecycleWorkflowId(connectionId));
});

it('an outage, and a recovery', async () => {
  const { connectionId } = await system.put(system.connectionFile('outage'));
  const { hooks } = system.authorizationServer;
  let answered = 0;
  hooks.onTokenRequest = () => {
    answered += 1;
    return Promise.resolve(answered < 4 ? answer(503, 'temporarily_unavailable') : undefined);
  };
  const tokens = system.source();
  await expect(tokens.getAccessToken(connectionId)).rejects.toMatchObject({
    type: 'OAuth.server_error',
  });
  await sleep(9_000);
  await tokens.getAccessToken(connectionId);
  hooks.onTokenRequest = null;
  await record('outage', lifecycleWorkflowId(connectionId));
});

it('a refusal that a put mends', async () => {
  const file = system.connectionFile('blocked');
  const { connectionId } = await system.put(file, { CLIENT_SECRET: 'wrong' });
  const tokens = system.source();
  await expect(tokens.getAccessToken(connectionId)).rejects.toMatchObject({
    type: 'OAuth.invalid_client',
  });
  await system.put(file);
  await tokens.getAccessToken(connectionId);
  await record('blocked-then-mended', lifecycleWorkflowId(connectionId));
});

it('a run cancelled during a refresh', async () => {
  const { connectionId } = await system.put(system.connectionFile('cancelled'));
  const { hooks } = system.authorizationServer;
  const handle = system.client.workflow.getHandle(lifecycleWorkflowId(connectionId));
  hooks.onTokenResponse = async () => {
    hooks.onTokenResponse = null;
    await handle.cancel();
    await sleep(1_000);
  };
  await system.source().getAccessToken(connectionId);
  const { runId } = await handle.describe();
  const run = system.client.workflow.getHandle(lifecycleWorkflowId(connectionId), runId);
  await expect.poll(async () => (await run.describe()).status.name).toBe('CANCELLED');
  await record('cancelled', lifecycleWorkflowId(connectionId), runId);
});

it('ensureAccessToken, served and refused', async () => {
  const { connectionId } = await system.put(system.connectionFile('ensured'));
  const { workflow } = system.client;
  const { taskQueue } = system;
  const served = { taskQueue, workflowId: `served-${system.id}`, args: [{ connectionId }] };
  await workflow.execute('ensureAccessToken', served);
  await record('ensure-access-token', served.workflowId);
  const refused = {
    ...{ taskQueue, workflowId: `refused-${system.id}`, args: [{ connectionId: 'nobody' }] },
  };
  await expect(workflow.execute('ensureAccessToken', refused)).rejects.toThrow();
  await record('ensure-access-token-refused', refused.workflowId);
});

it('a revocation that the server refuses for a while, by workflow', async () => {
  const server = await startScriptedAuthorizationServer();
  const { tokenEndpoint, revocationEndpoint } = server;
  const file = system.connectionFile('revoked', {
    authorizationServer: { tokenEndpoint, revocationEndpoint },
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  await system.put(file, { CLIENT_SECRET, REFRESH_TOKEN: 'refresh-0' });
  server.script.push(issue('access-1', { refresh_token: 'refresh-1' }));
  const { connectionId } = file;
  await system.source().getAccessToken(connectionId);
  server.revocationScript.push({ status: 503 }, { status: 503 });
  const { taskQueue } = system;
  const options = { taskQueue, workflowId: `revoke-${system.id}`, args: [{ connectionId }] };
  await system.client.workflow.execute('revokeConnection', options);
  await record('revocation', lifecycleWorkflowId(connectionId));
  await record('revoke-connection', options.workflowId);
  await server.stop();
});

it('a refresh that keeps an idle refresh token alive', async () => {
  const server = await startScriptedAuthorizationServer();
  const file = system.connectionFile('kept-alive', {
    authorizationServer: { tokenEndpoint: server.tokenEndpoint },
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
    lifetime: { refreshTokenIdleMs: 20 * 60_000 },
  });
  await system.put(file, { CLIENT_SECRET, REFRESH_TOKEN: 'refresh-0' });
  server.otherwise = () => issue('access', { refresh_token: 'refresh-1', expires_in: 86_400 });
  const { connectionId } = file;
  await system.source().getAccessToken(connectionId);
  const tokens = system.database.tokens;
  await tokens.updateOne({ _id: connectionId }, { $set: { keepAliveAt: new Date(0) } });
  const handle = system.client.workflow.getHandle(lifecycleWorkflowId(connectionId));
  await handle.executeUpdate('configure', { args: [{}] });
  await expect.poll(async () => (await tokens.findOne({ _id: connectionId }))?.generation).toBe(2);
  await record('kept-alive', lifecycleWorkflowId(connectionId));
  await server.stop();
});

it('a rotation of keys that waits for a token request, and one with nothing to do', async () => {
  const ids = ['rotated-1', 'rotated-2', 'rotated-3'].map(
    (name) => system.connectionFile(name).connectionId,
  );
  for (const name of ['rotated-1', 'rotated-2', 'rotated-3']) {
    await system.put(system.connectionFile(name));
  }
  const [busy = ''] = ids;
  const tokens = system.source();
  const { generation } = await tokens.getAccessToken(busy);
  const { hooks } = system.authorizationServer;
  hooks.onTokenRequest = async () => {
    await sleep(3_000);
    return undefined;
  };
  const issued = tokens.getAccessToken(busy, { rejectedGeneration: generation });
  await expect
    .poll(async () => (await system.database.tokens.findOne({ _id: busy }))?.attempt)
    .toBeTruthy();
  await addActiveKeys(system.keysFile);
  const { taskQueue } = system;
  const first = { taskQueue, workflowId: `rotation-${system.id}`, args: [{}] };
  await system.client.workflow.execute('rotateKeys', first);
  await issued;
  hooks.onTokenRequest = null;
  await record('rotate-keys', first.workflowId);
  const second = { taskQueue, workflowId: `rotation-again-${system.id}` };
  await system.client.workflow.execute('rotateKeys', second);
  await record('rotate-keys-again', second.workflowId);
});
