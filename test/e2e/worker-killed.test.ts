/** A token worker dies in the middle of token requests, and another one takes over. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createGate } from '../support/gate.js';
import { tokenDocument } from '../support/token-records.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  startTokenSystem,
  type TokenSystem,
} from '../support/token-system.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';

const WORKFLOWS = 20;
const CONNECTIONS = 9;

let system: TokenSystem;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
  await system.close();
});

async function startWorker(): Promise<WorkerProcess> {
  const worker = await startWorkerProcess(system.environment());
  workers.push(worker);
  return worker;
}

/** Client-credentials connections, and one whose refresh token is precious. */
async function putConnections(): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 1; index <= CONNECTIONS; index += 1) {
    const { connectionId } = await system.put(system.connectionFile(`killed-${index}`));
    ids.push(connectionId);
  }
  const refreshToken = await system.authorizationServer.mintRefreshToken({
    ...{ clientId: CLIENT_ID, accountId: 'killed', scope: 'things:read' },
  });
  const { tokenEndpoint } = system.authorizationServer;
  const file = system.connectionFile('killed-refresh-token', {
    // Until its budget is over nobody else may use the refresh token.
    authorizationServer: { tokenEndpoint, requestTimeoutMs: 2_000 },
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  await system.put(file, { CLIENT_SECRET, REFRESH_TOKEN: refreshToken });
  return [...ids, file.connectionId];
}

function startWorkflow(connectionId: string, index: number) {
  return system.client.workflow.start('ensureAccessToken', {
    workflowId: `ensure-${index}-${system.id}`,
    taskQueue: system.taskQueue,
    args: [{ connectionId }],
  });
}

it('finishes 20 workflows whose worker was killed in the middle of their token requests', async () => {
  const connections = await putConnections();
  const first = await startWorker();
  expect(first.readyLine).toContain(system.taskQueue);

  // The requests arrive, and their answers never do: the worker dies before.
  const { authorizationServer } = system;
  const answers = createGate();
  authorizationServer.hooks.onTokenRequest = () => answers.pass();
  const handles = await Promise.all(
    Array.from({ length: WORKFLOWS }, (_, index) =>
      startWorkflow(connections[index % connections.length] ?? '', index),
    ),
  );
  await expect.poll(() => answers.arrived(), { timeout: 30_000 }).toBe(connections.length);
  expect(await first.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
  authorizationServer.hooks.onTokenRequest = null;
  answers.open();

  const second = await startWorker();
  const tokens = (await Promise.all(handles.map((handle) => handle.result()))) as {
    connectionId: string;
    generation: number;
  }[];
  expect(tokens.map(({ connectionId }) => connectionId)).toEqual(
    Array.from({ length: WORKFLOWS }, (_, index) => connections[index % connections.length]),
  );
  expect(new Set(tokens.map(({ generation }) => generation))).toEqual(new Set([1]));
  // One request each that was lost, and one each that was answered.
  expect(authorizationServer.countTokenRequests()).toBe(2 * connections.length);
  for (const connectionId of connections) {
    const { state, failures } = await tokenDocument(system, connectionId);
    expect({ state, failures }).toEqual({ state: 'active', failures: 0 });
  }
  expect(await second.end('SIGTERM')).toEqual({ status: 0, signal: null });
});
