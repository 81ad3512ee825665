/** Work that waits for a person goes on by itself when the person has consented. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { registerParked } from '../../src/store/index.js';
import { createNoticeClient, wakeParked } from '../../src/tokens/index.js';
import { CLIENT_ID, CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { failureOf } from './expected-failure.js';

/** A worker with this many slots for activities, so that one that is held is missed. */
const SLOTS = 4;

let system: TokenSystem;
let connections = 0;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  await system.startWorker({ workerOptions: { maxConcurrentActivityTaskExecutions: SLOTS } });
});
afterAll(() => system.close());

const mint = (): Promise<string> =>
  system.authorizationServer.mintRefreshToken({
    ...{ clientId: CLIENT_ID, accountId: 'account-1', scope: 'things:read' },
  });

/** A connection whose grant can be put anew, as a person's consent would. */
async function connection(name: string) {
  connections += 1;
  const file = system.connectionFile(`${name}-${connections}`, {
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  const put = async () => system.put(file, { CLIENT_SECRET, REFRESH_TOKEN: await mint() });
  await put();
  return { connectionId: file.connectionId, consent: put };
}

/** The same, with its grant gone. */
async function deadConnection(name: string) {
  const made = await connection(name);
  const { connectionId } = made;
  const changed = await system.database.tokens.updateOne(
    { _id: connectionId },
    { $set: { state: 'reauthorization_required', grant: null } },
  );
  expect(changed.matchedCount).toBe(1);
  return made;
}

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
  const { connectionId } = await deadConnection('fails');
  const handle = await start('ensureAccessToken', { connectionId });
  const failure = await failureOf(handle.result());
  expect(failure).toMatchObject({ type: 'Token.reauthorization_required', nonRetryable: true });
  expect(await parked(connectionId)).toBe(0);
});

it('ensureAccessToken waits, and goes on within two seconds of the consent', async () => {
  const { connectionId, consent } = await deadConnection('waits');
  const handle = await start('ensureAccessToken', { connectionId, onReauthorization: 'wait' });
  await becomesParked(connectionId);
  const [pending] = (await handle.describe()).raw.pendingActivities ?? [];
  expect(pending?.lastFailure?.applicationFailureInfo).toMatchObject({
    type: 'Token.reauthorization_required',
    nonRetryable: false,
  });
  await consent();
  const consentedAt = performance.now();
  expect(await handle.result()).toMatchObject({ connectionId, epoch: 2, generation: 1 });
  expect(performance.now() - consentedAt).toBeLessThan(2_000);
  expect(await parked(connectionId)).toBe(0);
});

it('holds no slot while it waits', async () => {
  const dead = await deadConnection('slots');
  const { connectionId } = dead;
  const waiting = await Promise.all(
    Array.from({ length: 5 * SLOTS }, () =>
      start('ensureAccessToken', { connectionId, onReauthorization: 'wait' }),
    ),
  );
  await becomesParked(connectionId, waiting.length);
  const good = await connection('served');
  const served = await start('ensureAccessToken', { connectionId: good.connectionId });
  expect(await served.result()).toMatchObject({ generation: 1 });
  await dead.consent();
  const tokens = await Promise.all(waiting.map((handle) => handle.result()));
  expect(tokens).toHaveLength(waiting.length);
  expect(new Set(tokens.map((token) => (token as { epoch: number }).epoch))).toEqual(new Set([2]));
});
