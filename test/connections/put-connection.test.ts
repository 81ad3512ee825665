import { describe, expect, it } from 'vitest';
import { showConnection } from '../../src/connections/index.js';
import { countRecordsOfKey, readConnection } from '../../src/store/index.js';
import {
  store,
  CLIENT_CREDENTIALS,
  REFRESH_TOKEN,
  put,
  problemsOf,
  connectionOf,
  tokenOf,
  clientSecret,
  refreshToken,
  issue,
  fail,
  SECRETS,
} from './put-fixture.js';

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
