/** Work that waits for a person goes on by itself when the person has consented. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parkedUntilAuthorized } from '../../src/activities/parking.js';
import { failure } from '../../src/failures.js';
import { forgetParked, listParked, registerParked } from '../../src/store/index.js';
import { createNoticeClient, wakeParked } from '../../src/tokens/index.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { startApplication } from './application.js';
import { failureOf } from './expected-failure.js';
import { deadGrant, livingGrant } from './grants-put-anew.js';

/** A worker with this many slots for activities, so that one that is held is missed. */
const SLOTS = 4;

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  await system.startWorker({ workerOptions: { maxConcurrentActivityTaskExecutions: SLOTS } });
});
afterAll(() => system.close());

const start = (workflowType: string, input: unknown): Promise<WorkflowHandle> =>
  system.client.workflow.start(workflowType, {
    ...{ taskQueue: system.taskQueue, workflowId: `${workflowType}-${randomUUID()}` },
    args: [input],
  });

const parked = (connectionId: string): Promise<number> =>
  system.database.parked.countDocuments({ connectionId });

const becomesParked = (connectionId: string, count = 1): Promise<void> =>
  expect.poll(() => parked(connectionId), { timeout: 20_000 }).toBe(count);

it('ensureAccessToken fails at once unless it is told to wait', async () => {
  const { connectionId } = await deadGrant(system, 'fails');
  const handle = await start('ensureAccessToken', { connectionId });
  const failure = await failureOf(handle.result());
  expect(failure).toMatchObject({ type: 'Token.reauthorization_required', nonRetryable: true });
  expect(await parked(connectionId)).toBe(0);
});

it('ensureAccessToken waits, and goes on by itself as soon as a person has consented', async () => {
  const { connectionId, consent } = await deadGrant(system, 'waits');
  const handle = await start('ensureAccessToken', { connectionId, onReauthorization: 'wait' });
  await becomesParked(connectionId);
  const lastFailure = async () => {
    const [pending] = (await handle.describe()).raw.pendingActivities ?? [];
    return pending?.lastFailure?.applicationFailureInfo;
  };
  await expect.poll(lastFailure, { timeout: 20_000 }).toMatchObject({
    type: 'Token.reauthorization_required',
    nonRetryable: false,
  });
  await consent();
  const consentedAt = performance.now();
  expect(await handle.result()).toMatchObject({ connectionId, epoch: 2, generation: 1 });
  // By itself it would have looked five seconds after its first look.
  expect(performance.now() - consentedAt).toBeLessThan(4_000);
  expect(await parked(connectionId)).toBe(0);
});

it('holds no slot while it waits', async () => {
  const dead = await deadGrant(system, 'slots');
  const { connectionId } = dead;
  const waiting = await Promise.all(
    Array.from({ length: 5 * SLOTS }, () =>
      start('ensureAccessToken', { connectionId, onReauthorization: 'wait' }),
    ),
  );
  await becomesParked(connectionId, waiting.length);
  const good = await livingGrant(system, 'served');
  const served = await start('ensureAccessToken', { connectionId: good.connectionId });
  expect(await served.result()).toMatchObject({ generation: 1 });
  await dead.consent();
  const tokens = await Promise.all(waiting.map((handle) => handle.result()));
  expect(tokens).toHaveLength(waiting.length);
  expect(new Set(tokens.map((token) => (token as { epoch: number }).epoch))).toEqual(new Set([2]));
});

it('callApi waits, and goes on when it looks again', async () => {
  const { connectionId, consent } = await deadGrant(system, 'api');
  const application = await startApplication(system);
  const url = `${system.api.origin}/v1/things`;
  const call = { connectionId, method: 'POST', url, body: '{}', onReauthorization: 'wait' };
  const answer = application.call('callApi', [call], { maximumAttempts: 50 });
  await becomesParked(connectionId);
  await consent();
  expect(await answer).toMatchObject({ status: expect.any(Number) as number });
  await application.stop();
});

it('ends when its time is over, not before, and when it is cancelled', async () => {
  const { connectionId, consent } = await deadGrant(system, 'ends');
  const wanted = { connectionId, onReauthorization: 'wait' };
  const startedAt = performance.now();
  const impatient = await start('ensureAccessToken', { ...wanted, timeoutMs: 1_500 });
  expect((await failureOf(impatient.result())).type).toBe('Token.reauthorization_required');
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_500);
  const cancelled = await start('ensureAccessToken', wanted);
  await becomesParked(connectionId, 2);
  await cancelled.cancel();
  await expect(cancelled.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  // Its next look would come after its time: the wake-up counts all the same.
  const lucky = await start('ensureAccessToken', { ...wanted, timeoutMs: 4_500 });
  await becomesParked(connectionId, 3);
  await consent();
  expect(await lucky.result()).toMatchObject({ epoch: 2 });
});

it('goes on at once when the consent came between its look and its registration', async () => {
  const { connectionId, consent } = await deadGrant(system, 'race');
  const { database } = system;
  const attempt = 6;
  const environment = new MockActivityEnvironment({ attempt });
  // Whoever was registered by then was woken by this consent.
  const lateLook = async (): Promise<never> => {
    await consent();
    throw failure('Token.reauthorization_required', { connectionId });
  };
  const wanted = { connectionId, onReauthorization: 'wait' as const };
  const look = (): Promise<never> => parkedUntilAuthorized(database, wanted, lateLook);
  const ended = await failureOf(environment.run<[], never, typeof look>(look));
  expect(ended).toMatchObject({ type: 'Token.reauthorization_required', nonRetryable: false });
  expect(ended.nextRetryDelay).toBeLessThanOrEqual(2_000);
});

it('wakes a thousand in pages, lets be who is gone, and keeps who registers meanwhile', async () => {
  const { connectionId } = await livingGrant(system, 'thousand');
  const { database, client, connection } = system;
  // Nobody polls this task queue: what reaches them stays in their histories.
  const taskQueue = `${system.taskQueue}-nobody`;
  const running = await Promise.all(
    Array.from({ length: 100 }, () =>
      client.workflow.start('sleeper', { taskQueue, workflowId: randomUUID() }),
    ),
  );
  const gone = Array.from({ length: 900 }, () => ({
    workflowId: randomUUID(),
    runId: randomUUID(),
  }));
  const here = running.map(({ workflowId, firstExecutionRunId: runId }) => ({ workflowId, runId }));
  const all = [...here, ...gone];
  await Promise.all(all.map((one) => registerParked(database, { connectionId, ...one })));
  const notices = createNoticeClient({ connection, namespace: 'default', taskQueue });
  expect(await wakeParked(database, notices, connectionId)).toBe(all.length);
  expect(await parked(connectionId)).toBe(0);
  for (const handle of running.slice(0, 10)) {
    const { events } = await handle.fetchHistory();
    const signals = events?.filter((event) => event.workflowExecutionSignaledEventAttributes);
    expect(signals?.length).toBe(1);
  }
  await Promise.all(running.map((handle) => handle.terminate()));

  const [again] = here;
  if (again === undefined) throw new Error('nobody');
  await registerParked(database, { connectionId, ...again });
  const read = await listParked(database, connectionId, { limit: 10, after: null });
  // It has found the grant dead once more since it was read.
  await registerParked(database, { connectionId, ...again });
  await forgetParked(database, read);
  expect(await parked(connectionId)).toBe(1);
});

it('goes on after all workers were killed and the consent was given meanwhile', async () => {
  const own = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  const { connectionId, consent } = await deadGrant(own, 'killed');
  const first = await startWorkerProcess(own.environment());
  const handle = await own.client.workflow.start('ensureAccessToken', {
    ...{ taskQueue: own.taskQueue, workflowId: `waits-${own.id}` },
    args: [{ connectionId, onReauthorization: 'wait' }],
  });
  const registered = () => own.database.parked.countDocuments({ connectionId });
  await expect.poll(registered, { timeout: 20_000 }).toBe(1);
  await first.end('SIGKILL');
  await consent();
  const next = await startWorkerProcess(own.environment());
  expect(await handle.result()).toMatchObject({ epoch: 2 });
  await next.end('SIGTERM');
  await own.close();
});
