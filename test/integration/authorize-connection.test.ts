/** `authorizeConnection` waits for a person, whatever the way the consent takes. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AuthorizationStatus } from '../../src/contract/consent-messages.js';
import { bundleWithTimeouts } from '../support/short-bundle.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { failureOf } from './expected-failure.js';
import { deadGrant, livingGrant } from './grants-put-anew.js';

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  const workflowBundle = await bundleWithTimeouts({ firstConsentLookMs: 500 });
  await system.startWorker({ workerOptions: { workflowBundle } });
});
afterAll(() => system.close());

const start = (input: unknown): Promise<WorkflowHandle> =>
  system.client.workflow.start('authorizeConnection', {
    ...{ taskQueue: system.taskQueue, workflowId: `authorize-${randomUUID()}` },
    args: [input],
  });

const statusOf = (handle: WorkflowHandle): Promise<AuthorizationStatus> =>
  handle.query<AuthorizationStatus, []>('authorization');

const waits = (handle: WorkflowHandle): Promise<void> =>
  expect.poll(async () => (await statusOf(handle)).phase, { timeout: 20_000 }).toBe('waiting');

it('returns at once where there is a usable grant', async () => {
  const { connectionId } = await livingGrant(system, 'usable');
  const handle = await start({ connectionId });
  expect(await handle.result()).toMatchObject({ connectionId, epoch: 1, generation: 1 });
  expect(await statusOf(handle)).toMatchObject({ connectionId, phase: 'authorized' });
});

it('waits for a person, says so, and goes on when the consent is there', async () => {
  const { connectionId, consent } = await deadGrant(system, 'waits');
  const handle = await start({ connectionId, timeoutMs: 3_600_000 });
  await waits(handle);
  const { deadline, userCode } = await statusOf(handle);
  expect(userCode).toBeNull();
  expect(Date.parse(deadline ?? '')).toBeGreaterThan(Date.now() + 3_500_000);
  await consent();
  expect(await handle.result()).toMatchObject({ epoch: 2, generation: 1 });
});

it('waits for a new consent although there is a usable grant, if it is told to', async () => {
  const { connectionId, consent } = await livingGrant(system, 'anew');
  const handle = await start({ connectionId, reauthorize: true });
  await waits(handle);
  await consent();
  expect(await handle.result()).toMatchObject({ epoch: 2 });
  // Whoever begins later and names the epoch does not wait for a third one.
  const later = await start({ connectionId, reauthorize: true, afterEpoch: 1 });
  expect(await later.result()).toMatchObject({ epoch: 2 });
});

it('finds a consent by itself when nobody woke it', async () => {
  const { connectionId, consent } = await deadGrant(system, 'unwoken');
  const handle = await start({ connectionId });
  await waits(handle);
  // Who waits is forgotten, as after a wake-up that was lost.
  await system.database.parked.deleteMany({ connectionId });
  const { wake } = await silenced(connectionId);
  await consent();
  expect(await handle.result()).toMatchObject({ epoch: 2 });
  await wake();
});

/** Keeps `put` from waking anybody: registrations are taken away while it runs. */
async function silenced(connectionId: string): Promise<{ wake: () => Promise<void> }> {
  let silent = true;
  const taking = (async () => {
    while (silent) {
      await system.database.parked.deleteMany({ connectionId });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  await Promise.resolve();
  return {
    async wake() {
      silent = false;
      await taking;
    },
  };
}

it('gives up when its time is over, and finally', async () => {
  const { connectionId } = await deadGrant(system, 'late');
  const handle = await start({ connectionId, timeoutMs: 1_500 });
  expect(await failureOf(handle.result())).toMatchObject({
    type: 'Authorization.expired',
    nonRetryable: true,
  });
});

it.each([
  [undefined, 'Connection.invalid'],
  [{ connectionId: 'a b' }, 'Connection.invalid'],
  [{ connectionId: 'nobody', timeoutMs: 0 }, 'Connection.invalid'],
  [{ connectionId: 'nobody', afterEpoch: 1.5 }, 'Connection.invalid'],
  [{ connectionId: 'nobody' }, 'Connection.not_found'],
])('refuses %j with %s', async (input, type) => {
  const handle = await start(input);
  expect(await failureOf(handle.result())).toMatchObject({ type, nonRetryable: true });
});

it('refuses a connection that needs no person', async () => {
  const file = system.connectionFile('credentials');
  await system.put(file);
  const handle = await start({ connectionId: file.connectionId });
  const failure = await failureOf(handle.result());
  expect(failure).toMatchObject({ type: 'Connection.invalid', nonRetryable: true });
  expect(failure.message).toContain('client_credentials');
});
