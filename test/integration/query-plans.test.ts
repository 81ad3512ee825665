// Every query of the store is answered from an index: with 100,000 connections a scan would be an outage.
import { MongoClient, type CommandStartedEvent, type Document } from 'mongodb';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import {
  announceTakeover,
  applyPut,
  beginAttempt,
  claimDeployment,
  commitOverSibling,
  commitTokenSet,
  countRecordsOfKey,
  countRecordsOfKeys,
  deleteAuthorizations,
  deleteConnection,
  deleteToken,
  endAttempt,
  ensureIndexes,
  findAuthorizationByState,
  insertToken,
  listAheadConnections,
  listKeepAliveDue,
  listParked,
  listRevokingConnections,
  listTokens,
  listUntold,
  newTokenDocument,
  openDatabase,
  readAuthorization,
  readConnection,
  readConnections,
  readDeployment,
  readToken,
  readTokenWithGrant,
  registerParked,
  rejectGeneration,
  writeConnection,
  type TokenDatabase,
  type TokenSet,
} from '../../src/store/index.js';
import { listConnectionsOfKey } from '../../src/store/connections.js';
import { withDatabase } from '../support/token-system.js';

const CONNECTIONS = 300;
const SELF = 'c-0150';
const QUERIES = new Set(['find', 'aggregate', 'update', 'delete', 'findAndModify']);
/** Of a session or of waiting, not of the query. */
const AROUND = ['lsid', '$clusterTime', '$db', 'txnNumber', 'readConcern', 'writeConcern'];

let client: MongoClient;
let database: TokenDatabase;
let sent: Document[] = [];

beforeAll(async () => {
  const name = `plans_${Date.now().toString(36)}`;
  client = new MongoClient(withDatabase(inject('mongodbUri'), name), { monitorCommands: true });
  client.on('commandStarted', ({ commandName, command }: CommandStartedEvent) => {
    if (QUERIES.has(commandName)) sent.push(command);
  });
  database = openDatabase(client);
  await ensureIndexes(database);
  for (let index = 0; index < CONNECTIONS; index += 1) {
    const id = `c-${String(index).padStart(4, '0')}`;
    await database.tokens.insertOne(newTokenDocument(id, 'abcdefgh', null, null), {
      writeConcern: { w: 1 },
    });
    await database.connections.insertOne(connectionDocument(id), { writeConcern: { w: 1 } });
  }
});
afterAll(async () => {
  await client.db(database.name).dropDatabase();
  await client.close();
});

function connectionDocument(_id: string) {
  return {
    _id,
    authorizationServer: { tokenEndpoint: 'https://as.example/token', requestTimeoutMs: 10_000 },
    client: { clientId: _id, authentication: 'client_secret_post' },
    grant: { grantType: 'client_credentials', scope: null, parameters: {} },
    api: { allowedOrigins: [], responseHeaders: [], callers: null },
    lifetime: { refresh: 'on-demand', defaultExpiresInMs: null },
    clientSecret: null,
    kids: ['kid-1'],
    revision: 1,
    updatedAt: new Date(),
    updatedBy: 'test',
  } as unknown as Parameters<TokenDatabase['connections']['insertOne']>[0];
}

const TOKENS: TokenSet = {
  ...{
    state: 'active',
    invalid: null,
    access: null,
    grant: null,
    tokenType: 'Bearer',
    scope: null,
  },
  ...{ lifetimeMs: 60_000, refreshAheadMs: 12_000, refreshTokenLifetimeMs: null, elapsedMs: 0 },
  ...{ attemptId: 'a1', sentAt: new Date(), readAt: new Date(), failureType: null },
  ...{ keepsSiblings: true, rotated: null, keepAliveMs: null, sentAfterMs: 0 },
};
const PARKED = { connectionId: SELF, workflowId: 'w1', runId: 'r1' };
const BEGIN = { attemptId: 'a1', worker: 'test', budgetMs: 20_000, replaces: null };
const END = {
  ...{ attemptId: 'a1', type: 'OAuth.server_error', outcomeUnknown: false, mayStillRun: false },
  ...{ state: null, retryInMs: 1_000, reason: null, dropGrant: false, triedCandidates: [] },
};

const record = async () => {
  const read = await readTokenWithGrant(database, SELF);
  if (read === null) throw new Error('There is no record.');
  return read.record;
};

/** Everything the store can be asked, with what it asks MongoDB. */
const OPERATIONS: Record<string, () => Promise<unknown>> = {
  'read a token record': () => readToken(database, SELF),
  'read a token record with its grant': () => readTokenWithGrant(database, SELF),
  'list the first page': () => listTokens(database, { limit: 50, after: null }),
  'list another page': () => listTokens(database, { limit: 50, after: SELF }),
  'read a connection': () => readConnection(database, SELF),
  'read the connections of a page': () => readConnections(database, [SELF, 'c-0151', 'c-0152']),
  'list connections that are refreshed ahead': () =>
    listAheadConnections(database, { limit: 50, after: null }),
  'list more connections that are refreshed ahead': () =>
    listAheadConnections(database, { limit: 50, after: SELF }),
  'count the records of a key': () => countRecordsOfKey(database, 'kid-1'),
  'record the deployment': () => claimDeployment(database, { namespace: 'n', taskQueue: 'q' }),
  'read the deployment': () => readDeployment(database),
  'make a token record': () =>
    insertToken(database, newTokenDocument(SELF, 'abcdefgh', null, null)),
  'write a connection': async () =>
    writeConnection(database, connectionDocument(SELF), await readConnection(database, SELF)),
  'write a new connection': () => writeConnection(database, connectionDocument('c-new'), null),
  'apply a put': async () =>
    applyPut(database, await record(), {
      ...{ nextEpoch: null, invalidate: null },
      clocks: { expiresInMs: null, keepAliveMs: null },
    }),
  'list the connections of a key': () =>
    listConnectionsOfKey(database, { kid: 'kid-1', after: SELF, limit: 50 }),
  'count the records of several keys': () => countRecordsOfKeys(database, ['kid-1', 'kid-2']),
  'list refresh tokens that lie idle': () => listKeepAliveDue(database, { limit: 50, after: null }),
  'list revocations under way': () => listRevokingConnections(database, { limit: 50, after: SELF }),
  'list connections of which something is untold': () =>
    listUntold(database, { limit: 50, after: null }),
  'register a waiting workflow': () => registerParked(database, PARKED),
  'list waiting workflows': () => listParked(database, SELF, { limit: 50, after: null }),
  'list more waiting workflows': () => listParked(database, SELF, { limit: 50, after: SELF }),
  'read an authorization': () => readAuthorization(database, 'a1'),
  'find the authorization of a callback': () => findAuthorizationByState(database, 'hash'),
  'delete the authorizations of a connection': () => deleteAuthorizations(database, SELF),
  'write an intent': async () => {
    const { failures, ...read } = await record();
    await beginAttempt(database, read, { ...BEGIN, failures, candidateLifeMs: 60_000 });
  },
  'look for the own intent': async () => {
    const { failures, ...read } = await record();
    await beginAttempt(database, read, { ...BEGIN, failures, candidateLifeMs: 60_000 });
  },
  'announce a takeover': async () =>
    announceTakeover(database, await record(), { attemptId: 'a1', by: 'test', atRisk: false }),
  'record a failed request': async () => endAttempt(database, await record(), END),
  'commit a token': async () => commitTokenSet(database, await record(), TOKENS),
  'commit a token that comes late': async () => {
    const read = await record();
    const parent = { ...read, generation: read.generation - 1 };
    await commitTokenSet(database, parent, { ...TOKENS, attemptId: 'a2', grant: SEALED });
  },
  'keep the refresh token of an older sibling': async () => {
    const read = await record();
    const parent = { ...read, generation: read.generation - 1 };
    const older = { ...TOKENS, attemptId: 'a3', sentAt: new Date(0), grant: SEALED };
    await commitTokenSet(database, parent, older);
  },
  'commit over a sibling': async () => {
    const read = await record();
    const parent = { ...read, generation: read.generation - 1 };
    const later = { ...TOKENS, attemptId: 'a4', sentAt: new Date(Date.now() + 1_000) };
    await commitOverSibling(database, parent, later, read.generation);
  },
  'record a refusal': async () => rejectGeneration(database, await record()),
  'delete a token record': async () => deleteToken(database, await record()),
  'delete a connection': () => deleteConnection(database, SELF),
};

const SEALED = { protected: '', encrypted_key: '', iv: '', ciphertext: '', tag: '' };

/** Each of its searches is by an index of what moved; the few that are found are sorted. */
const FEW = 'list connections of which something is untold';

it.each(Object.entries(OPERATIONS))('%s uses an index and sorts nothing', async (what, run) => {
  sent = [];
  await run();
  const queries = sent;
  expect(queries.length).toBeGreaterThan(0);
  for (const query of queries) {
    const stages = await stagesOf(query);
    const shown = JSON.stringify({ stages, query });
    expect(stages, shown).not.toContain('COLLSCAN');
    if (what !== FEW) expect(stages, shown).not.toContain('SORT');
    expect(
      stages.some((stage) => /^(IXSCAN|IDHACK|COUNT_SCAN|EXPRESS_)/.test(stage)),
      shown,
    ).toBe(true);
  }
});

/** The stages of the plan MongoDB would use for a command. */
async function stagesOf(command: Document): Promise<string[]> {
  const explain = Object.fromEntries(
    Object.entries(command).filter(([name]) => !AROUND.includes(name) && name !== 'maxTimeMS'),
  );
  const plan = await client.db(database.name).command({ explain, verbosity: 'queryPlanner' });
  const stages: string[] = [];
  const visit = (node: unknown, name: string): void => {
    if (name === 'rejectedPlans' || typeof node !== 'object' || node === null) return;
    const { stage } = node as { stage?: unknown };
    if (typeof stage === 'string') stages.push(stage);
    for (const [inner, member] of Object.entries(node)) visit(member, inner);
  };
  visit(plan, '');
  return stages;
}
