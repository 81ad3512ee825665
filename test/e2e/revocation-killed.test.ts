/** A token worker dies in the middle of a revocation, and another one goes on where it was. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lifecycleWorkflowId } from '../../src/contract/names.js';
import { beginRevocation, readToken } from '../../src/store/index.js';
import {
  issue,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
  type ScriptedReply,
  type TokenReply,
} from '../../src/testing/index.js';
import { tokenDocument } from '../support/token-records.js';
import { CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';

let system: TokenSystem;
let server: ScriptedAuthorizationServer;
const workers: WorkerProcess[] = [];

beforeEach(async () => {
  system = await startTokenSystem();
  server = await startScriptedAuthorizationServer();
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.end('SIGTERM')));
  await server.stop();
  await system.close();
});

async function startWorker(): Promise<WorkerProcess> {
  const worker = await startWorkerProcess(system.environment());
  workers.push(worker);
  return worker;
}

/** A connection whose tokens are `access-1` and `refresh-1`, issued while a worker runs. */
async function putIssued(name: string): Promise<string> {
  const { tokenEndpoint, revocationEndpoint } = server;
  const file = system.connectionFile(name, {
    authorizationServer: { tokenEndpoint, revocationEndpoint, requestTimeoutMs: 2_000 },
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  await system.put(file, { CLIENT_SECRET, REFRESH_TOKEN: 'refresh-0' });
  server.script.push(issue('access-1', { refresh_token: 'refresh-1', expires_in: 600 }));
  const { connectionId } = file;
  await system.source().getAccessToken(connectionId);
  return connectionId;
}

async function markRevoking(connectionId: string): Promise<void> {
  const read = await readToken(system.database, connectionId);
  if (read === null) throw new Error('no record');
  expect(await beginRevocation(system.database, read.record)).toBe(true);
}

const update = (connectionId: string) =>
  system.client.workflow
    .getHandle(lifecycleWorkflowId(connectionId))
    .startUpdate('revoke', { args: [{}], waitForStage: 'ACCEPTED' });

const asked = (): (string | undefined)[] =>
  server.revocations.map(({ parameters }) => parameters['token']);

async function expectRevoked(connectionId: string): Promise<void> {
  await expect
    .poll(async () => (await tokenDocument(system, connectionId)).state, { timeout: 60_000 })
    .toBe('revoked');
  const { access, grant, revocation } = await tokenDocument(system, connectionId);
  expect({ access, grant }).toEqual({ access: null, grant: null });
  expect(revocation).toMatchObject({ refreshToken: true, accessToken: true });
}

it('goes on after a kill between the record that says so and the first request', async () => {
  const { stop } = await system.startWorker();
  const connectionId = await putIssued('killed-marked');
  await stop();
  await system.client.workflow.getHandle(lifecycleWorkflowId(connectionId)).terminate();
  await markRevoking(connectionId);
  await expect(system.source().getAccessToken(connectionId)).rejects.toMatchObject({
    type: 'Token.revoked',
  });
  await system.startWorker();
  await expectRevoked(connectionId);
  expect(asked()).toEqual(['refresh-1', 'access-1']);
});

it('tells a lifecycle that runs and does not know', async () => {
  const { stop } = await system.startWorker();
  const connectionId = await putIssued('killed-untold');
  await stop();
  await markRevoking(connectionId);
  await system.startWorker();
  await expectRevoked(connectionId);
  expect(asked()).toEqual(['refresh-1', 'access-1']);
});

it.each([
  ['the refresh token sent and its answer', 0, ['refresh-1', 'refresh-1', 'access-1']],
  ['the access token sent and its answer', 1, ['refresh-1', 'access-1', 'access-1']],
])('goes on after a kill between %s', async (_between, answered, expected) => {
  const worker = await startWorker();
  const connectionId = await putIssued('killed-asking');
  const kill = async (): Promise<TokenReply> => {
    await worker.end('SIGKILL');
    return 'reset';
  };
  server.revocationScript.push(...Array<ScriptedReply>(answered).fill({ status: 200 }), kill);
  await update(connectionId);
  await expect.poll(() => asked().length, { timeout: 30_000 }).toBe(answered + 1);
  await startWorker();
  await expectRevoked(connectionId);
  expect(asked()).toEqual(expected);
});

it('goes on after a kill between the last answer and the end', async () => {
  const { stop } = await system.startWorker();
  const connectionId = await putIssued('killed-ending');
  await stop();
  await markRevoking(connectionId);
  await system.database.tokens.updateOne(
    { _id: connectionId },
    {
      $set: {
        ...{ access: null, grant: null },
        ...{ 'revocation.refreshToken': true, 'revocation.accessToken': true },
      },
    },
  );
  await system.startWorker();
  await expectRevoked(connectionId);
  expect(asked()).toEqual([]);
});
