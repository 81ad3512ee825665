/** A connection to put and a store to put it into, for the test files about `put`. */
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import {
  ConnectionFileError,
  putConnection,
  type LifecycleToNotify,
  type PutResult,
} from '../../src/connections/index.js';
import { createNetwork } from '../../src/network.js';
import {
  beginAttempt,
  commitTokenSet,
  endAttempt,
  openClientSecret,
  openSealed,
  prepareSealer,
  readConnection,
  readTokenWithGrant,
  accessTokenContext,
  refreshTokenContext,
  type ReadConnection,
  type ReadTokenWithGrant,
} from '../../src/store/index.js';
import { startStore, type StoreFixture } from './store-fixture.js';

/** The store of the test file. */
export let store: StoreFixture;
export const network = createNetwork({ mode: 'public' });
export let warnings: string[] = [];

beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store.stop());
beforeEach(async () => {
  warnings = [];
  await store.database.connections.deleteMany({});
  await store.database.tokens.deleteMany({});
});

export const CLIENT_CREDENTIALS = {
  connectionId: 'superservice',
  authorizationServer: { tokenEndpoint: 'https://as.example.com/oauth/token' },
  client: {
    clientId: 'client_id_123',
    authentication: 'client_secret_post',
    clientSecret: { env: 'SECRET' },
  },
  grant: { grantType: 'client_credentials', scope: 'read write' },
  api: { allowedOrigins: ['https://api.example.com'] },
};
export const REFRESH_TOKEN = {
  ...CLIENT_CREDENTIALS,
  grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH' } },
};
export const SECRETS = { SECRET: 's3cret-value', REFRESH: 'rt-imported' };

export function put(
  file: object,
  environment: Record<string, string> = SECRETS,
  lifecycle: LifecycleToNotify | null = null,
): Promise<PutResult> {
  const { database, keys } = store;
  const warn = (message: string): void => void warnings.push(message);
  return putConnection(
    { database, keys, network, environment, updatedBy: 'test@host', lifecycle, warn },
    { file, directory: '/' },
  );
}

export async function problemsOf(promise: Promise<unknown>): Promise<string[]> {
  const refused = promise.catch((error: unknown) => error);
  const error = await refused;
  expect(error).toBeInstanceOf(ConnectionFileError);
  return error instanceof ConnectionFileError ? error.message.split('\n') : [];
}

export async function connectionOf(id = 'superservice'): Promise<ReadConnection> {
  const read = await readConnection(store.database, id);
  if (read === null) throw new Error('No connection.');
  return read;
}

export async function tokenOf(id = 'superservice'): Promise<ReadTokenWithGrant> {
  const read = await readTokenWithGrant(store.database, id);
  if (read === null) throw new Error('No token record.');
  return read;
}

export async function clientSecret(): Promise<string | null> {
  return openClientSecret(store.database, store.keys, await connectionOf());
}

export async function refreshToken(): Promise<string | null> {
  const { record, grant } = await tokenOf();
  if (grant === null) return null;
  const { connection } = await connectionOf();
  return openSealed(store.keys, grant, refreshTokenContext(store.database, record, connection));
}

/** What the lifecycle's activity does: the next generation, here with a rotated refresh token. */
export async function issue(rotated: string | null): Promise<void> {
  const { record } = await tokenOf();
  const begun = await beginAttempt(store.database, record, {
    attemptId: 'a1',
    failures: record.failures,
    worker: 'test',
    budgetMs: 10_000,
    replaces: null,
    candidateLifeMs: 600_000,
  });
  const place = { ...record, generation: record.generation + 1 };
  const access = await prepareSealer(store.keys, 'access');
  const grant = await prepareSealer(store.keys, 'grant');
  const { database } = store;
  const { connection } = await connectionOf();
  await commitTokenSet(database, record, {
    state: 'active',
    invalid: null,
    access: await access.seal(accessTokenContext(database, place), 'at'),
    grant:
      rotated === null
        ? null
        : await grant.seal(refreshTokenContext(database, place, connection), rotated),
    tokenType: 'Bearer',
    scope: null,
    lifetimeMs: 60_000,
    refreshAheadMs: 12_000,
    refreshTokenLifetimeMs: null,
    keepAliveMs: null,
    elapsedMs: 5,
    attemptId: 'a1',
    sentAt: begun?.sentAt ?? new Date(),
    sentAfterMs: 0,
    readAt: new Date(record.now),
    failureType: null,
    keepsSiblings: true,
    rotated: null,
  });
}

export async function fail(
  type: string,
  state: 'blocked' | 'reauthorization_required',
): Promise<void> {
  const { record } = await tokenOf();
  await endAttempt(store.database, record, {
    attemptId: null,
    type,
    outcomeUnknown: false,
    state,
    retryInMs: null,
    reason: null,
    dropGrant: false,
    mayStillRun: false,
    triedCandidates: [],
  });
}
