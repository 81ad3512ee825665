import { NativeConnection, Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCallers } from '../support/caller-process.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 60 } });
  await system.startWorker();
});
afterAll(() => system.close());

const requests = (): number => system.authorizationServer.countTokenRequests();

async function expire(connectionId: string): Promise<void> {
  const past = new Date(0);
  const { modifiedCount } = await system.database.tokens.updateOne(
    { _id: connectionId },
    { $set: { expiresAt: past, refreshAfter: past } },
  );
  expect(modifiedCount).toBe(1);
}

it('makes one token request for 200 callers in two processes on one expired token', async () => {
  const { connectionId } = await system.put(system.connectionFile('two-processes'));
  await system.source().getAccessToken(connectionId);
  const processes = await Promise.all([1, 2].map(() => startCallers(system, connectionId, 100)));
  await expire(connectionId);
  const before = requests();
  const reports = await Promise.all(processes.map((one) => one.go()));
  expect(reports.flatMap((report) => report.failures)).toEqual([]);
  expect(reports.map((report) => report.served)).toEqual([100, 100]);
  expect(reports.map((report) => report.generations)).toEqual([[2], [2]]);
  expect(requests() - before).toBe(1);
});

it('serves 300 getAccessToken activities on one worker with one token request', async () => {
  const { connectionId } = await system.put(system.connectionFile('three-hundred'));
  const native = await NativeConnection.connect({ address: system.address });
  const taskQueue = `application-${system.id}`;
  const application = await Worker.create({
    connection: native,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('../support/workflows.ts', import.meta.url)),
  });
  const before = requests();
  const input = { connectionId, count: 300, taskQueue: system.taskQueue };
  const handle = await system.client.workflow.start('manyTokens', {
    ...{ taskQueue, workflowId: `many-${system.id}`, args: [input] },
  });
  const results = (await application.runUntil(handle.result())) as { generation: number }[];
  await native.close();
  expect(results).toHaveLength(300);
  expect(new Set(results.map((result) => result.generation))).toEqual(new Set([1]));
  expect(requests() - before).toBe(1);
  const { events } = await handle.fetchHistory();
  const first = events?.find((event) => event.activityTaskCompletedEventAttributes);
  const started = events?.[0]?.eventTime?.seconds;
  expect(Number(first?.eventTime?.seconds) - Number(started)).toBeLessThan(15);
});

it('reuses one token for 40 calls within its life', async () => {
  const { connectionId } = await system.put(system.connectionFile('forty'));
  const before = requests();
  const tokens = system.source();
  for (let call = 0; call < 40; call += 1) {
    const response = await tokens.fetch(connectionId, `${system.api.origin}/v1/things`);
    expect(response.status).toBe(200);
    await response.body?.cancel();
  }
  expect(requests() - before).toBe(1);
});
