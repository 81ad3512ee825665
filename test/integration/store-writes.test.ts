import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import {
  announceTakeover,
  beginAttempt,
  endAttempt,
  openDatabase,
  readTokenWithGrant,
  type TokenDatabase,
} from '../../src/store/index.js';
import { insertToken, newTokenDocument } from '../../src/store/index.js';
import { withDatabase } from '../support/token-system.js';

let client: MongoClient;
let database: TokenDatabase;

beforeAll(() => {
  const name = `store_${Date.now().toString(36)}`;
  client = new MongoClient(withDatabase(inject('mongodbUri'), name));
  database = openDatabase(client);
});
afterAll(() => client.close());

const budget = { worker: 'test', budgetMs: 20_000, candidateLifeMs: 60_000 };

async function recordOf(connectionId: string) {
  const read = await readTokenWithGrant(database, connectionId);
  if (read === null) throw new Error('There is no record.');
  return read.record;
}

async function made(connectionId: string) {
  await insertToken(database, newTokenDocument(connectionId, 'abcdefgh', null, null));
  return recordOf(connectionId);
}

it('a takeover begins without the takeover of the attempt it replaces', async () => {
  const record = await made('taken-over');
  const { failures } = record;
  await beginAttempt(database, record, { ...budget, failures, attemptId: 'a1', replaces: null });
  await announceTakeover(database, record, { attemptId: 'a1', by: 'somebody', atRisk: true });
  const replaces = { id: 'a1', outcomeUnknown: true, atRisk: true };
  await beginAttempt(database, record, { ...budget, failures, attemptId: 'a2', replaces });
  const { attempt } = await recordOf('taken-over');
  expect(attempt).toMatchObject({ id: 'a2', takeover: null });
});

it('a refusal that comes after a put does not block what the put corrected', async () => {
  const record = await made('corrected');
  const { failures } = record;
  await beginAttempt(database, record, { ...budget, failures, attemptId: 'a1', replaces: null });
  // What a `put` does to a record.
  await database.tokens.updateOne({ _id: 'corrected' }, { $inc: { failures: 1 } });
  await endAttempt(database, record, {
    ...{ attemptId: 'a1', type: 'OAuth.invalid_client', outcomeUnknown: false },
    ...{ state: 'blocked', retryInMs: null, reason: null, dropGrant: false },
    ...{ mayStillRun: false, triedCandidates: [] },
  });
  expect(await recordOf('corrected')).toMatchObject({ state: 'active', attempt: null });
});

it('a refusal blocks what was refused', async () => {
  const record = await made('refused');
  const { failures } = record;
  await beginAttempt(database, record, { ...budget, failures, attemptId: 'a1', replaces: null });
  await endAttempt(database, record, {
    ...{ attemptId: 'a1', type: 'OAuth.invalid_client', outcomeUnknown: false },
    ...{ state: 'blocked', retryInMs: null, reason: null, dropGrant: false },
    ...{ mayStillRun: false, triedCandidates: [] },
  });
  expect(await recordOf('refused')).toMatchObject({ state: 'blocked', failures: 1 });
});
