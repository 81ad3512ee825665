import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ConnectionFileError,
  putConnection,
  removeConnection,
  showConnection,
  type LifecycleToNotify,
  type PutResult,
} from '../../src/connections/index.js';
import { createNetwork } from '../../src/network.js';
import {
  beginAttempt,
  commitTokenSet,
  countRecordsOfKey,
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

let store: StoreFixture;
const network = createNetwork({ mode: 'public' });
let warnings: string[] = [];

beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store.stop());
beforeEach(async () => {
  warnings = [];
  await store.database.connections.deleteMany({});
  await store.database.tokens.deleteMany({});
});

const CLIENT_CREDENTIALS = {
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
const REFRESH_TOKEN = {
  ...CLIENT_CREDENTIALS,
  grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH' } },
};
const SECRETS = { SECRET: 's3cret-value', REFRESH: 'rt-imported' };

function put(
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

async function problemsOf(promise: Promise<unknown>): Promise<string[]> {
  const refused = promise.catch((error: unknown) => error);
  const error = await refused;
  expect(error).toBeInstanceOf(ConnectionFileError);
  return error instanceof ConnectionFileError ? error.message.split('\n') : [];
}

async function connectionOf(id = 'superservice'): Promise<ReadConnection> {
  const read = await readConnection(store.database, id);
  if (read === null) throw new Error('No connection.');
  return read;
}

async function tokenOf(id = 'superservice'): Promise<ReadTokenWithGrant> {
  const read = await readTokenWithGrant(store.database, id);
  if (read === null) throw new Error('No token record.');
  return read;
}

async function clientSecret(): Promise<string | null> {
  return openClientSecret(store.database, store.keys, await connectionOf());
}

async function refreshToken(): Promise<string | null> {
  const { record, grant } = await tokenOf();
  if (grant === null) return null;
  const { connection } = await connectionOf();
  return openSealed(store.keys, grant, refreshTokenContext(store.database, record, connection));
}

/** What the lifecycle's activity does: the next generation, here with a rotated refresh token. */
async function issue(rotated: string | null): Promise<void> {
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
    elapsedMs: 5,
    attemptId: 'a1',
    sentAt: begun?.sentAt ?? new Date(),
    readAt: new Date(record.now),
    failureType: null,
    keepsSiblings: true,
    rotated: null,
  });
}

async function fail(type: string, state: 'blocked' | 'reauthorization_required'): Promise<void> {
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

describe('put, for the first time', () => {
  it('makes both documents: epoch 1, generation 0, active', async () => {
    expect(await put(CLIENT_CREDENTIALS)).toEqual({
      connectionId: 'superservice',
      created: true,
      changed: [],
      epoch: 1,
      generation: 0,
      state: 'active',
    });
    const { connection } = await connectionOf();
    expect(connection).toMatchObject({ revision: 1, updatedBy: 'test@host' });
    expect((await tokenOf()).record.incarnation).toMatch(/^[A-Za-z0-9_-]{8}$/);
    expect(await clientSecret()).toBe('s3cret-value');
  });

  it('seals an imported refresh token and keeps no secret in clear', async () => {
    await put(REFRESH_TOKEN);
    expect(await refreshToken()).toBe('rt-imported');
    const raw = JSON.stringify([
      await store.database.connections.find().toArray(),
      await store.database.tokens.find().toArray(),
    ]);
    expect(raw).not.toContain('s3cret-value');
    expect(raw).not.toContain('rt-imported');
  });

  it('asks for every secret that is nowhere, together with what else is wrong', async () => {
    const { client } = REFRESH_TOKEN;
    const file = { ...REFRESH_TOKEN, client: { ...client, clientId: '' } };
    expect(await problemsOf(put(file, {}))).toEqual([
      'client.clientId: must be 1 to 1024 printable ASCII characters (RFC 6749 §A.1)',
      'client.clientSecret: the environment variable SECRET is not set: set it, or use --client-secret-stdin',
      'grant.refreshToken: the environment variable REFRESH is not set: set it, or use --refresh-token-stdin',
    ]);
    expect(await readConnection(store.database, 'superservice')).toBeNull();
  });

  it('counts both documents for the key that sealed them', async () => {
    await put(REFRESH_TOKEN);
    const { kid } = await store.keys.active('grant');
    expect(await countRecordsOfKey(store.database, kid)).toBe(2);
  });
});

describe('put again', () => {
  it('changes nothing when the file is unchanged, and its variables may be gone', async () => {
    await put(REFRESH_TOKEN);
    const before = await connectionOf();
    const result = await put(REFRESH_TOKEN, {});
    expect(result).toMatchObject({ created: false, changed: [], epoch: 1, generation: 0 });
    const after = await connectionOf();
    expect(after.clientSecret).toEqual(before.clientSecret);
    expect(after.connection).toMatchObject({ revision: 2 });
    expect(await refreshToken()).toBe('rt-imported');
  });

  it('keeps the sealed secret when the same one is given, and names another one', async () => {
    await put(CLIENT_CREDENTIALS);
    const before = await connectionOf();
    expect((await put(CLIENT_CREDENTIALS)).changed).toEqual([]);
    expect((await connectionOf()).clientSecret).toEqual(before.clientSecret);
    const changed = await put(CLIENT_CREDENTIALS, { SECRET: 'another' });
    expect(changed).toMatchObject({ changed: ['client.clientSecret'], epoch: 1 });
    expect(await clientSecret()).toBe('another');
  });

  it('never overwrites a rotated refresh token with the imported one', async () => {
    await put(REFRESH_TOKEN);
    await issue('rt-rotated');
    expect(await put(REFRESH_TOKEN)).toMatchObject({ changed: [], epoch: 1, generation: 1 });
    expect(await refreshToken()).toBe('rt-rotated');
  });

  it('starts the next epoch with another refresh token', async () => {
    await put(REFRESH_TOKEN);
    await issue('rt-rotated');
    await fail('OAuth.invalid_grant', 'reauthorization_required');
    const result = await put(REFRESH_TOKEN, { ...SECRETS, REFRESH: 'rt-new' });
    expect(result).toMatchObject({
      changed: ['grant.refreshToken'],
      epoch: 2,
      generation: 1,
      state: 'active',
    });
    expect(await refreshToken()).toBe('rt-new');
    expect((await tokenOf()).access).toBeNull();
  });

  it('leaves a dead grant dead when the same refresh token comes again', async () => {
    await put(REFRESH_TOKEN);
    await fail('OAuth.invalid_grant', 'reauthorization_required');
    expect(await put(REFRESH_TOKEN)).toMatchObject({ epoch: 1, state: 'reauthorization_required' });
  });

  it('lifts blocked and raises failures, so that the next caller asks anew', async () => {
    await put(CLIENT_CREDENTIALS);
    await fail('OAuth.invalid_client', 'blocked');
    expect(await put(CLIENT_CREDENTIALS)).toMatchObject({ changed: [], state: 'active' });
    expect((await tokenOf()).record.failures).toBe(2);
  });

  it('marks the access token invalid when scope or parameters change', async () => {
    await put(CLIENT_CREDENTIALS);
    await issue(null);
    const grant = { ...CLIENT_CREDENTIALS.grant, scope: 'read' };
    const result = await put({ ...CLIENT_CREDENTIALS, grant }, {});
    expect(result).toMatchObject({ changed: ['grant.scope'], epoch: 1, generation: 1 });
    expect((await tokenOf()).record.invalid).toMatchObject({ reason: 'configuration_changed' });
  });

  it('changes nothing issued when rotation is declared, and shows it', async () => {
    await put(REFRESH_TOKEN);
    await issue('rt-rotated');
    const grant = { ...REFRESH_TOKEN.grant, rotation: { graceMs: 30_000 } };
    const result = await put({ ...REFRESH_TOKEN, grant }, {});
    expect(result).toMatchObject({ changed: ['grant.rotation'], epoch: 1, generation: 1 });
    expect((await tokenOf()).record).toMatchObject({ invalid: null, hasAccessToken: true });
    const read = await connectionOf();
    expect(showConnection(read).grant).toMatchObject({ rotation: { graceMs: 30_000 } });
  });

  it('reads rotation as not known where an earlier version stored none', async () => {
    await put(REFRESH_TOKEN);
    await store.database.connections.updateOne({}, { $unset: { 'grant.rotation': 1 } });
    await store.database.tokens.updateOne({}, { $unset: { rotationEvidence: 1 } });
    expect((await connectionOf()).connection.grant.rotation).toBeNull();
    await issue('rt-rotated');
    expect((await tokenOf()).record.rotationEvidence.newTokenReturned).toBe(0);
    expect(await put(REFRESH_TOKEN)).toMatchObject({ changed: [], generation: 1 });
  });

  it('changes nothing issued when api or lifetime change', async () => {
    await put(CLIENT_CREDENTIALS);
    await issue(null);
    const changed = { ...CLIENT_CREDENTIALS, lifetime: { defaultExpiresInMs: 1_000 } };
    changed.api = { allowedOrigins: ['https://other.example.com'] };
    expect(await put(changed, {})).toMatchObject({
      changed: ['api.allowedOrigins', 'lifetime.defaultExpiresInMs'],
      epoch: 1,
    });
    const { record } = await tokenOf();
    expect(record).toMatchObject({ invalid: null, hasAccessToken: true });
  });
});

describe('put with another place for the secrets', () => {
  const moved = (file: typeof CLIENT_CREDENTIALS | typeof REFRESH_TOKEN) => ({
    ...file,
    authorizationServer: { tokenEndpoint: 'https://evil.example.net/oauth/token' },
  });

  it('is refused without the secrets, and nothing changes', async () => {
    await put(REFRESH_TOKEN);
    const problems = await problemsOf(put(moved(REFRESH_TOKEN), {}));
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/^client\.clientSecret: the environment variable SECRET is not/);
    expect(problems[0]).toContain('because authorizationServer.tokenEndpoint changed');
    expect(problems[1]).toMatch(/^grant\.refreshToken: /);
    expect((await connectionOf()).connection.revision).toBe(1);
  });

  it('is refused with the client secret alone, for the refresh token would go there too', async () => {
    await put(REFRESH_TOKEN);
    const problems = await problemsOf(put(moved(REFRESH_TOKEN), { SECRET: 'mine' }));
    expect(problems).toEqual([expect.stringMatching(/^grant\.refreshToken: /)]);
  });

  it('starts the next epoch with the secrets, even with the same refresh token', async () => {
    await put(REFRESH_TOKEN);
    await issue('rt-rotated');
    const result = await put(moved(REFRESH_TOKEN));
    expect(result).toMatchObject({ epoch: 2, generation: 1, state: 'active' });
    expect(result.changed).toContain('authorizationServer.tokenEndpoint');
    expect(await refreshToken()).toBe('rt-imported');
    expect(await clientSecret()).toBe('s3cret-value');
    expect((await tokenOf()).record.hasAccessToken).toBe(false);
  });

  it.each([
    ['client.clientId', { client: { ...CLIENT_CREDENTIALS.client, clientId: 'other' } }],
    [
      'client.authentication',
      { client: { ...CLIENT_CREDENTIALS.client, authentication: 'client_secret_basic' } },
    ],
    [
      'authorizationServer.issuer',
      {
        authorizationServer: {
          ...CLIENT_CREDENTIALS.authorizationServer,
          issuer: 'https://as.example.com',
        },
      },
    ],
    [
      'authorizationServer.revocationEndpoint',
      {
        authorizationServer: {
          ...CLIENT_CREDENTIALS.authorizationServer,
          revocationEndpoint: 'https://evil.example.net/revoke',
        },
      },
    ],
  ])('asks for the secret again when %s changes', async (field, change) => {
    await put(CLIENT_CREDENTIALS);
    const file = { ...CLIENT_CREDENTIALS, ...change };
    const [problem] = await problemsOf(put(file, {}));
    expect(problem).toMatch(new RegExp(`^client\\.clientSecret: .*${field} changed`));
    expect(await put(file)).toMatchObject({ changed: [field], epoch: 2 });
    expect(await clientSecret()).toBe('s3cret-value');
  });

  it('keeps the epoch when only the path changes, or an endpoint of the same host is added', async () => {
    await put(CLIENT_CREDENTIALS);
    const authorizationServer = {
      tokenEndpoint: 'https://as.example.com/v2/token',
      revocationEndpoint: 'https://as.example.com/revoke',
    };
    const result = await put({ ...CLIENT_CREDENTIALS, authorizationServer }, {});
    expect(result).toMatchObject({ epoch: 1, generation: 0 });
    expect(await clientSecret()).toBe('s3cret-value');
  });

  it('forgets the client secret when the client has none any more', async () => {
    await put(CLIENT_CREDENTIALS);
    const client = { clientId: 'client_id_123', authentication: 'none' };
    const result = await put({ ...CLIENT_CREDENTIALS, client }, {});
    expect(result).toMatchObject({ epoch: 2 });
    expect((await connectionOf()).clientSecret).toBeNull();
  });

  it('starts the next epoch with another grant type', async () => {
    await put(REFRESH_TOKEN);
    expect(await put(CLIENT_CREDENTIALS, {})).toMatchObject({ epoch: 2 });
    expect(await refreshToken()).toBeNull();
    expect(await problemsOf(put(REFRESH_TOKEN, {}))).toEqual([
      expect.stringMatching(/^grant\.refreshToken: /),
    ]);
    expect(await put(REFRESH_TOKEN)).toMatchObject({ epoch: 3 });
  });
});

describe('put and remove at the same time', () => {
  it('lets ten puts of one id end in one record that opens', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        put(REFRESH_TOKEN, { ...SECRETS, SECRET: `s${index}` }),
      ),
    );
    expect(results.filter(({ created }) => created)).toHaveLength(1);
    expect((await connectionOf()).connection.revision).toBe(10);
    expect(await clientSecret()).toMatch(/^s\d$/);
    expect(await refreshToken()).toBe('rt-imported');
    expect((await tokenOf()).record).toMatchObject({ epoch: 1, failures: 9 });
  });

  it('makes a removed connection another one', async () => {
    const ended: string[] = [];
    const lifecycle = { end: async (id: string) => ended.push(id) > 0 };
    const { database } = store;
    await put(REFRESH_TOKEN);
    const { incarnation } = (await tokenOf()).record;
    const id = 'superservice';
    expect(await removeConnection({ database, lifecycle }, id)).toEqual({
      connectionId: id,
      removed: true,
    });
    expect(await database.tokens.countDocuments()).toBe(0);
    expect(await removeConnection({ database, lifecycle }, id)).toMatchObject({ removed: false });
    expect(ended).toEqual([id, id]);
    expect(await put(REFRESH_TOKEN)).toMatchObject({ created: true, epoch: 1 });
    expect((await tokenOf()).record.incarnation).not.toBe(incarnation);
  });

  it('leaves nothing to use when Temporal cannot be reached', async () => {
    await put(REFRESH_TOKEN);
    const lifecycle = { end: () => Promise.reject(new Error('unreachable')) };
    const { database } = store;
    await expect(removeConnection({ database, lifecycle }, 'superservice')).rejects.toThrow();
    expect(await database.connections.countDocuments()).toBe(0);
    expect(await database.tokens.countDocuments()).toBe(0);
  });
});

describe('the lifecycle', () => {
  const lifecycle = (running: boolean, answers: boolean) => {
    const calls: [string, boolean][] = [];
    return {
      calls,
      configure: async (id: string, start: boolean) => {
        calls.push([id, start]);
        return answers;
      },
      describe: async () => (running ? { status: 'RUNNING' } : null),
    };
  };

  it('is not started for a connection that callers refresh', async () => {
    const idle = lifecycle(false, true);
    await put(CLIENT_CREDENTIALS, SECRETS, idle);
    expect(idle.calls).toEqual([]);
    const running = lifecycle(true, true);
    await put(CLIENT_CREDENTIALS, SECRETS, running);
    expect(running.calls).toEqual([['superservice', false]]);
    expect(warnings).toEqual([]);
  });

  it('is started for a connection that refreshes ahead, and put succeeds when nobody answers', async () => {
    const silent = lifecycle(false, false);
    const file = { ...CLIENT_CREDENTIALS, lifetime: { refresh: 'ahead' } };
    expect(await put(file, SECRETS, silent)).toMatchObject({ created: true });
    expect(silent.calls).toEqual([['superservice', true]]);
    expect(warnings).toEqual([expect.stringContaining('No worker answered')]);
  });
});

describe('show', () => {
  it('gives the file back, with secrets as sealed', async () => {
    await put(REFRESH_TOKEN);
    expect(showConnection(await connectionOf())).toMatchObject({
      ...REFRESH_TOKEN,
      client: { ...REFRESH_TOKEN.client, clientSecret: { sealed: true } },
      grant: { grantType: 'refresh_token', refreshToken: { sealed: true } },
      revision: 1,
      updatedBy: 'test@host',
    });
  });
});
