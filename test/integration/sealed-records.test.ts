/** Records that were changed, moved, or whose key is gone: a typed failure, never a token request. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import type { EnsureTokenInput, EnsureTokenResult } from '../../src/contract/messages.js';
import { createTokenActivities } from '../../src/index.js';
import {
  createFileKeyProvider,
  exportAccessKeys,
  openClientSecret,
  openSealed,
  readConnection,
  readTokenWithGrant,
  refreshTokenContext,
  type SealedValue,
} from '../../src/store/index.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { failureOf } from './expected-failure.js';
import { sendJson, startRecordingServer, type RecordingServer } from './recording-server.js';
import { startScriptedTokens, type ScriptedTokens } from './scripted-tokens.js';

let system: TokenSystem;
let authorization: ScriptedTokens;
let api: RecordingServer;
let connections = 0;

beforeAll(async () => {
  system = await startTokenSystem();
  authorization = await startScriptedTokens();
  api = await startRecordingServer((_, response) => sendJson(response, 200, {}));
  await system.startWorker();
});
afterAll(async () => {
  await system.close();
  await authorization.stop();
  await api.stop();
});
beforeEach(() => {
  authorization.requests.length = 0;
});

/** A connection with a client secret and an imported refresh token. */
async function put(issue: boolean): Promise<string> {
  const file = system.connectionFile(`sealed-${(connections += 1)}`, {
    authorizationServer: { tokenEndpoint: authorization.tokenEndpoint },
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
    api: { allowedOrigins: [api.origin] },
  });
  await system.put(file, { CLIENT_SECRET: 'a secret', REFRESH_TOKEN: 'an imported token' });
  if (issue) await system.source().getAccessToken(file.connectionId);
  authorization.requests.length = 0;
  return file.connectionId;
}

/** Changes one bit of a sealed value's member. */
function flipped(sealed: SealedValue | null | undefined, member: keyof SealedValue): SealedValue {
  if (!sealed) throw new Error('Nothing is sealed there.');
  const bytes = Buffer.from(sealed[member], 'base64url');
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  return { ...sealed, [member]: bytes.toString('base64url') };
}

/** Puts the token document of one connection in the place of another's. */
async function moveToken(from: string, to: string): Promise<void> {
  const found = await system.database.tokens.findOne({ _id: from });
  if (found === null) throw new Error('No record.');
  const { _id, ...moved } = found;
  expect(_id).toBe(from);
  await system.database.tokens.replaceOne({ _id: to }, moved);
}

/** Refuses an access token that does not open, as callers of the activity learn it too. */
async function refusedByValidateToken(connectionId: string, keys: string): Promise<unknown> {
  const { mongodb } = system;
  const activities = createTokenActivities({ tokens: system.source(), mongodb, keys });
  return (await failureOf(activities.validateToken({ connectionId }))).type;
}

async function unreadable(connectionId: string): Promise<void> {
  // By a process that has nothing in memory, and again: a final failure stays one.
  for (const source of [system.source(), system.source()]) {
    const failure = await failureOf(source.getAccessToken(connectionId));
    expect(failure).toMatchObject({ type: 'Store.unreadable', nonRetryable: true });
    expect(failure.message).toContain(connectionId);
  }
  expect(authorization.requests).toEqual([]);
}

it.each(['ciphertext', 'tag', 'iv', 'encrypted_key', 'protected'] as const)(
  'does not open an access token whose %s has a flipped bit',
  async (member) => {
    const id = await put(true);
    const found = await system.database.tokens.findOne({ _id: id });
    const access = flipped(found?.access, member);
    await system.database.tokens.updateOne({ _id: id }, { $set: { access } });
    await unreadable(id);
    expect(await refusedByValidateToken(id, system.keysFile)).toBe('Store.unreadable');
  },
);

it('does not open a refresh token with a flipped bit', async () => {
  const id = await put(false);
  const found = await system.database.tokens.findOne({ _id: id });
  const grant = flipped(found?.grant, 'ciphertext');
  await system.database.tokens.updateOne({ _id: id }, { $set: { grant } });
  await unreadable(id);
});

it('does not open a client secret with a flipped bit', async () => {
  const id = await put(false);
  const found = await system.database.connections.findOne({ _id: id });
  const clientSecret = flipped(found?.clientSecret, 'ciphertext');
  await system.database.connections.updateOne({ _id: id }, { $set: { clientSecret } });
  await unreadable(id);
});

it('does not open the access token of a record that was moved to another id', async () => {
  const [from, to] = [await put(true), await put(true)];
  await moveToken(from, to);
  await unreadable(to);
});

it('does not open a refresh token or a client secret that was moved to another id', async () => {
  const [from, to] = [await put(false), await put(false)];
  await moveToken(from, to);
  await unreadable(to);
  const [other, target] = [await put(false), await put(false)];
  const secret = await system.database.connections.findOne({ _id: other });
  await system.database.connections.updateOne(
    { _id: target },
    { $set: { clientSecret: secret?.clientSecret ?? null } },
  );
  await unreadable(target);
});

it('does not send a sealed client secret to a host that was written into the record', async () => {
  const id = await put(false);
  const elsewhere = await startScriptedTokens();
  await system.database.connections.updateOne(
    { _id: id },
    { $set: { 'authorizationServer.tokenEndpoint': elsewhere.tokenEndpoint } },
  );
  await unreadable(id);
  expect(elsewhere.requests).toEqual([]);
  await elsewhere.stop();
});

/** The system's key file without the keys of one purpose. */
async function keysWithout(purpose: 'access' | 'grant'): Promise<string> {
  const { keys } = JSON.parse(await readFile(system.keysFile, 'utf8')) as {
    keys: { purpose: string }[];
  };
  return JSON.stringify({ keys: keys.filter((key) => key.purpose !== purpose) });
}

it('says so, and retries, when the key of an access token is not in the file', async () => {
  const id = await put(true);
  const path = join(inject('scratch'), `without-access-${system.id}.json`);
  await writeFile(path, await keysWithout('access'), { mode: 0o600 });
  const keyless = system.source({ keys: path });
  const failure = await failureOf(keyless.getAccessToken(id));
  expect(failure).toMatchObject({ type: 'Store.key_unavailable', nonRetryable: false });
  expect(failure.message).toMatch(/The key access-\S+ of the access_token/);
  expect(await refusedByValidateToken(id, path)).toBe('Store.key_unavailable');
  await writeFile(path, await readFile(system.keysFile), { mode: 0o600 });
  const served = () =>
    keyless.getAccessToken(id).then(
      ({ generation }) => generation,
      () => null,
    );
  await expect.poll(served, { timeout: 10_000 }).toBe(1);
  expect(authorization.requests).toEqual([]);
});

/** Waits until the worker has taken note of the changed key file. */
async function workerMissesKey(connectionId: string): Promise<void> {
  const lifecycle = system.client.workflow.getHandle(`oauth-token/${connectionId}`);
  let generation = 1;
  const failed = async (): Promise<unknown> => {
    const input: EnsureTokenInput = { epoch: 1, generation, minValidMs: 0, reason: 'forced' };
    const answer = await lifecycle.executeUpdate<EnsureTokenResult, [EnsureTokenInput]>(
      'ensureToken',
      {
        args: [input],
      },
    );
    generation = answer.token?.generation ?? generation;
    return answer.failure?.type;
  };
  await expect.poll(failed, { timeout: 20_000, interval: 100 }).toBe('Store.key_unavailable');
}

it('makes no token request while the key of the refresh token is not in the file', async () => {
  const [id, other] = [await put(false), await put(true)];
  const whole = await readFile(system.keysFile);
  await writeFile(system.keysFile, await keysWithout('grant'));
  const source = system.source();
  try {
    await workerMissesKey(other);
    authorization.requests.length = 0;
    for (let call = 0; call < 3; call += 1) {
      const failure = await failureOf(source.getAccessToken(id));
      expect(failure).toMatchObject({ type: 'Store.key_unavailable', nonRetryable: false });
      expect(failure.nextRetryDelay ?? 0).toBeLessThan(70_000);
    }
    expect(authorization.requests).toEqual([]);
  } finally {
    await writeFile(system.keysFile, whole);
  }
  const served = () =>
    source.getAccessToken(id).then(
      ({ generation }) => generation,
      () => null,
    );
  await expect.poll(served, { timeout: 20_000, interval: 200 }).toBe(1);
  const sent = authorization.requests.map((form) => form['refresh_token']);
  expect(sent.filter((refreshToken) => refreshToken === 'an imported token')).toHaveLength(1);
});

it('lets an application with access keys call, and open neither refresh token nor client secret', async () => {
  const id = await put(false);
  const path = join(inject('scratch'), `access-${system.id}.json`);
  const { kids } = await exportAccessKeys(system.keysFile, path);
  expect(kids).toEqual([expect.stringMatching(/^access-/)]);
  const response = await system.source({ keys: path }).fetch(id, `${api.origin}/things`);
  expect(response.status).toBe(200);
  const sent = api.received.at(-1)?.headers.authorization;
  expect(sent).toBe(`Bearer ${authorization.accessTokens.at(-1)}`);
  expect(authorization.requests).toHaveLength(1);

  const keys = createFileKeyProvider(path);
  const { database } = system;
  const [read, record] = await Promise.all([
    readConnection(database, id),
    readTokenWithGrant(database, id),
  ]);
  if (read === null || record?.grant == null) throw new Error('No record.');
  const context = refreshTokenContext(database, record.record, read.connection);
  const error = { name: 'StoreError', code: 'key_unavailable' };
  await expect(openSealed(keys, record.grant, context)).rejects.toMatchObject(error);
  await expect(openClientSecret(database, keys, read)).rejects.toMatchObject(error);
  // With the whole file both open: it is the keys that are missing.
  expect(await openSealed(system.keys, record.grant, context)).toBe(
    authorization.refreshTokens.at(-1),
  );
  expect(await openClientSecret(database, system.keys, read)).toBe('a secret');
});
