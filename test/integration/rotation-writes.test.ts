/** What the store writes for the rotation protocol, against what happened since the record was read. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startStore, type StoreFixture } from '../connections/store-fixture.js';
import type { TokenRecord } from '../../src/contract/token-record.js';
import {
  announceTakeover,
  beginAttempt,
  endAttempt,
  insertToken,
  newTokenDocument,
  prepareSealer,
  readTokenWithGrant,
  refreshTokenContext,
} from '../../src/store/index.js';

let store: StoreFixture;

beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store.stop());

async function recordOf(connectionId: string): Promise<TokenRecord> {
  const read = await readTokenWithGrant(store.database, connectionId);
  if (read === null) throw new Error('There is no record.');
  return read.record;
}

async function made(connectionId: string): Promise<TokenRecord> {
  await insertToken(store.database, newTokenDocument(connectionId, 'abcdefgh', null, null));
  return recordOf(connectionId);
}

const begin = (record: TokenRecord, attemptId: string) =>
  beginAttempt(store.database, record, {
    ...{ attemptId, failures: record.failures, worker: 'test', budgetMs: 20_000 },
    ...{ replaces: null, candidateLifeMs: 600_000 },
  });

const END = { type: 'OAuth.unreachable', reason: null, dropGrant: false, triedCandidates: [] };
const UNKNOWN = { ...END, outcomeUnknown: true, mayStillRun: false, state: 'at_risk' } as const;
const REFUSED = {
  ...{ ...END, type: 'OAuth.invalid_grant', reason: 'revoked_or_expired' },
  ...{ outcomeUnknown: false, mayStillRun: false, retryInMs: null },
  state: 'reauthorization_required',
} as const;

it('writes no intent over a record in which an attempt has ended since it was read', async () => {
  const read = await made('slept');
  expect(await begin(read, 'a1')).not.toBeNull();
  await endAttempt(store.database, read, { ...UNKNOWN, attemptId: 'a1', retryInMs: 30_000 });
  // No attempt stands in the record again, as in the one that was read.
  expect(await begin(read, 'a2')).toBeNull();
  expect((await recordOf('slept')).attempt).toBeNull();
  expect(await begin(await recordOf('slept'), 'a3')).not.toBeNull();
});

it('remembers the first unknown outcome, and when its request was sent, however many follow', async () => {
  const first = await made('often');
  const intent = await begin(first, 'a0');
  await endAttempt(store.database, first, { ...UNKNOWN, attemptId: 'a0', retryInMs: 0 });
  for (let count = 1; count <= 25; count += 1) {
    const read = await recordOf('often');
    await begin(read, `a${count}`);
    await endAttempt(store.database, read, { ...UNKNOWN, attemptId: `a${count}`, retryInMs: 0 });
  }
  const { unknown } = await recordOf('often');
  expect(unknown).toHaveLength(20);
  expect(unknown[0]).toMatchObject({ attemptId: 'a0', sentAt: intent?.sentAt.getTime() });
  expect(unknown.at(-1)).toMatchObject({ attemptId: 'a25' });
  expect(unknown[1]).toMatchObject({ attemptId: 'a7' });
});

it('is at risk from the announcement of a takeover on, until the owner knows better', async () => {
  const read = await made('announced');
  await begin(read, 'a1');
  const takeover = { attemptId: 'a1', by: 'somebody', atRisk: true };
  await announceTakeover(store.database, read, takeover);
  expect(await recordOf('announced')).toMatchObject({ state: 'at_risk', unknown: [] });
  await endAttempt(store.database, read, {
    ...{ ...UNKNOWN, attemptId: 'a1', retryInMs: 1_000 },
    ...{ type: 'OAuth.rate_limited', outcomeUnknown: false, state: null },
  });
  expect(await recordOf('announced')).toMatchObject({ state: 'active', attempt: null });
});

it('declares no grant dead while a refresh token lies in the record that nobody tried', async () => {
  const read = await made('untried');
  await begin(read, 'a1');
  const authorizationServer = { tokenEndpoint: 'https://as.example.com/token' } as never;
  const client = { clientId: 'c', authentication: 'none' } as const;
  const place = refreshTokenContext(store.database, read, { authorizationServer, client });
  const grant = await (await prepareSealer(store.keys, 'grant')).seal(place, 'refresh');
  const candidate = { attemptId: 'a0', grant, generation: 0, at: new Date() };
  const { tokens } = store.database;
  await tokens.updateOne({ _id: 'untried' }, { $push: { candidates: candidate } });
  const refused = { ...REFUSED, attemptId: 'a1' };
  expect(await endAttempt(store.database, read, refused)).toBeUndefined();
  const tried = { ...refused, triedCandidates: ['a0'] };
  expect(await endAttempt(store.database, read, tried)).toBeDefined();
  expect((await recordOf('untried')).state).toBe('reauthorization_required');
});
