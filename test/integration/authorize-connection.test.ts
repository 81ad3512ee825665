/** `authorizeConnection` waits for a person, whatever the way the consent takes. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTemporal } from '../../dev/servers/temporal.js';
import type { AuthorizationStatus } from '../../src/contract/consent-messages.js';
import { bundleWithTimeouts } from '../support/short-bundle.js';
import { consentOnDevice } from '../support/consent.js';
import type { TokenSystem } from '../support/token-system.js';
import { consent, consentFile, startConsentSystem } from './consent-system.js';
import { failureOf } from './expected-failure.js';
import { deadGrant, livingGrant } from './grants-put-anew.js';

/** Looks by itself more often than in days. */
const OFTEN = { firstConsentLookMs: 500 };

let system: TokenSystem;

beforeAll(async () => {
  system = await startConsentSystem();
  const workflowBundle = await bundleWithTimeouts(OFTEN);
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

/** A connection that a person authorizes, before anybody has. */
async function unauthorized(name: string, grant: Record<string, unknown> = {}): Promise<string> {
  return (await system.put(consentFile(system, name, { grant }))).connectionId;
}

/** What a person with a device reads. */
async function shown(handle: WorkflowHandle): Promise<AuthorizationStatus> {
  await expect.poll(async () => (await statusOf(handle)).phase, { timeout: 20_000 }).toBe('device');
  return statusOf(handle);
}

const waits = (handle: WorkflowHandle): Promise<void> =>
  expect.poll(async () => (await statusOf(handle)).phase, { timeout: 20_000 }).toBe('waiting');

it('returns at once where there is a usable grant', async () => {
  const { connectionId } = await livingGrant(system, 'usable');
  const handle = await start({ connectionId });
  expect(await handle.result()).toMatchObject({ connectionId, epoch: 1, generation: 1 });
  expect(await statusOf(handle)).toMatchObject({ connectionId, phase: 'authorized' });
});

it('waits for a person, says so, and goes on when the consent is there', async () => {
  const { connectionId, consent: putAnew } = await deadGrant(system, 'waits');
  const handle = await start({ connectionId, timeoutMs: 3_600_000 });
  await waits(handle);
  const { deadline, userCode } = await statusOf(handle);
  expect(userCode).toBeNull();
  expect(Date.parse(deadline ?? '')).toBeGreaterThan(Date.now() + 3_500_000);
  await putAnew();
  expect(await handle.result()).toMatchObject({ epoch: 2, generation: 1 });
});

it('goes on when a person has followed the link, although nobody has said so', async () => {
  const connectionId = await unauthorized('link');
  const [waiting, working] = await Promise.all([
    start({ connectionId }),
    system.client.workflow.start('ensureAccessToken', {
      ...{ taskQueue: system.taskQueue, workflowId: `working-${randomUUID()}` },
      args: [{ connectionId, onReauthorization: 'wait' }],
    }),
  ]);
  await waits(waiting);
  await expect
    .poll(() => system.database.parked.countDocuments({ connectionId }), { timeout: 20_000 })
    .toBe(2);
  await consent(system, connectionId);
  const token = { connectionId, epoch: 2, generation: 1 };
  expect(await Promise.all([waiting.result(), working.result()])).toMatchObject([token, token]);
});

it('shows a person with a device what to enter, and goes on when it is done', async () => {
  const connectionId = await unauthorized('device', { grantType: 'device_code' });
  const handle = await start({ connectionId });
  const { userCode, verificationUri, expiresAt } = await shown(handle);
  expect(Date.parse(expiresAt ?? '')).toBeGreaterThan(Date.now());
  await consentOnDevice(verificationUri ?? '', userCode);
  expect(await handle.result()).toMatchObject({ connectionId, epoch: 2, generation: 1 });
  expect(await statusOf(handle)).toMatchObject({ phase: 'authorized', userCode: null });
});

it('fails with Authorization.denied when the person denies', async () => {
  const connectionId = await unauthorized('denied', { grantType: 'device_code' });
  const handle = await start({ connectionId });
  const { userCode, verificationUri } = await shown(handle);
  await consentOnDevice(verificationUri ?? '', userCode, { decision: 'deny' });
  const type = 'Authorization.denied';
  expect(await failureOf(handle.result())).toMatchObject({ type, nonRetryable: true });
});

it('shows the next code when nobody has entered one in its time', async () => {
  const connectionId = await unauthorized('next-code', { grantType: 'device_code' });
  const handle = await start({ connectionId });
  const first = await shown(handle);
  await system.database.authorizations.updateMany(
    { connectionId },
    { $set: { expiresAt: new Date(0) } },
  );
  const userCode = async () => (await statusOf(handle)).userCode;
  await expect.poll(userCode, { timeout: 30_000 }).not.toBe(first.userCode);
  const next = await shown(handle);
  await consentOnDevice(next.verificationUri ?? '', next.userCode);
  expect(await handle.result()).toMatchObject({ epoch: 2 });
});

it('takes its polling along when it is cancelled', async () => {
  const connectionId = await unauthorized('cancelled', { grantType: 'device_code' });
  const handle = await start({ connectionId });
  await shown(handle);
  const authorization = await system.database.authorizations.findOne({ connectionId });
  const child = system.client.workflow.getHandle(`oauth-authorization/${authorization?._id}`);
  const status = async () => (await child.describe().catch(() => null))?.status.name;
  await expect.poll(status, { timeout: 20_000 }).toBe('RUNNING');
  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  await expect.poll(status, { timeout: 20_000 }).toBe('CANCELLED');
});

it('waits for a new consent although there is a usable grant, if it is told to', async () => {
  const { connectionId, consent: putAnew } = await livingGrant(system, 'anew');
  const handle = await start({ connectionId, reauthorize: true });
  await waits(handle);
  await putAnew();
  expect(await handle.result()).toMatchObject({ epoch: 2 });
  // Whoever begins later and names the epoch does not wait for a third one.
  const later = await start({ connectionId, reauthorize: true, afterEpoch: 1 });
  expect(await later.result()).toMatchObject({ epoch: 2 });
});

it('finds a consent by itself when nobody woke it', async () => {
  const { connectionId, consent: putAnew } = await deadGrant(system, 'unwoken');
  const handle = await start({ connectionId });
  await waits(handle);
  // Who waits is forgotten, as after a wake-up that was lost.
  await system.database.parked.deleteMany({ connectionId });
  const { wake } = await silenced(connectionId);
  await putAnew();
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

it('goes on as a new run when its history grows long, with what it waits for and until when', async () => {
  const config = { 'limit.historyCount.suggestContinueAsNew': 20 };
  const temporal = await startTemporal({ dynamicConfig: config });
  const own = await startConsentSystem(600, temporal.address);
  const workflowBundle = await bundleWithTimeouts({ ...OFTEN, longestConsentLookMs: 200 });
  await own.startWorker({ workerOptions: { workflowBundle } });
  const { connectionId, consent: putAnew } = await livingGrant(own, 'long');
  const handle = await own.client.workflow.start('authorizeConnection', {
    ...{ taskQueue: own.taskQueue, workflowId: `long-${own.id}` },
    args: [{ connectionId, reauthorize: true, timeoutMs: 600_000 }],
  });
  const latest = own.client.workflow.getHandle(handle.workflowId);
  const { deadline } = await statusOf(latest);
  const first = handle.firstExecutionRunId;
  await expect
    .poll(async () => (await latest.describe()).runId, { timeout: 30_000 })
    .not.toBe(first);
  const kept = await statusOf(latest);
  expect(Date.parse(kept.deadline ?? '')).toBeGreaterThan(Date.parse(deadline ?? '') - 2_000);
  expect(Date.parse(kept.deadline ?? '')).toBeLessThan(Date.parse(deadline ?? '') + 2_000);
  await putAnew();
  expect(await latest.result()).toMatchObject({ epoch: 2 });
  await own.close();
  await temporal.stop();
});

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
