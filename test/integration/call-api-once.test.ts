import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listenOnLoopback } from '../../dev/system/loopback-server.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

let system: TokenSystem;
let native: NativeConnection;
let application: Worker;
let running: Promise<void>;
let taskQueue: string;

beforeAll(async () => {
  system = await startTokenSystem();
  await system.startWorker();
  native = await NativeConnection.connect({ address: system.address });
  taskQueue = `application-${system.id}`;
  application = await Worker.create({
    connection: native,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('../support/workflows.ts', import.meta.url)),
  });
  running = application.run();
});
afterAll(async () => {
  application.shutdown();
  await running;
  await native.close();
  await system.close();
});

function post(connectionId: string, url: string, startToCloseMs: number): Promise<unknown> {
  const call = { connectionId, method: 'POST', url, body: '{}' };
  const input = { call, taskQueue: system.taskQueue, startToCloseMs };
  const workflowId = `post-${connectionId}`;
  return system.client.workflow.execute('oneCall', { taskQueue, workflowId, args: [input] });
}

it('does not send a POST again whose attempt timed out', async () => {
  const silent = await listenOnLoopback();
  let received = 0;
  silent.answerWith(() => {
    received += 1;
  });
  const api = { allowedOrigins: [silent.origin] };
  const { connectionId } = await system.put(system.connectionFile('slow-post', { api }));
  await system.source().getAccessToken(connectionId);
  await expect(post(connectionId, `${silent.origin}/orders`, 2_000)).rejects.toMatchObject({
    cause: { cause: { type: 'Api.outcome_unknown', nonRetryable: true } },
  });
  expect(received).toBe(1);
  await silent.stop();
});

it('sends a POST once the token outage before it is over', async () => {
  const { connectionId } = await system.put(system.connectionFile('outage-post'));
  const { hooks } = system.authorizationServer;
  let answered = 0;
  hooks.onTokenRequest = () => {
    answered += 1;
    return Promise.resolve(answered < 3 ? { status: 503, body: '{}' } : undefined);
  };
  const path = '/v1/things?outage-post';
  expect(await post(connectionId, `${system.api.origin}${path}`, 30_000)).toMatchObject({
    status: 201,
  });
  hooks.onTokenRequest = null;
  expect(system.api.requests.filter((request) => request.path === path)).toHaveLength(1);
});
