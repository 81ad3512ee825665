/** Sealing keys that a KMS keeps wrapped: everything is local after that (fault 41). */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RotateKeysResult } from '../../src/contract/key-rotation.js';
import {
  createFileKeyProvider,
  createKmsKeyProvider,
  type KmsKeyProvider,
  type KmsKeyProviderOptions,
} from '../../src/store/index.js';
import { createGate } from '../support/gate.js';
import { createBox, createLocalKms, type LocalKms } from '../support/local-kms.js';
import { forceRefresh, tokenDocument } from '../support/token-records.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

const SLOW_MS = 10_000;

const box = createBox();
let system: TokenSystem;
/** The worker's, which a test takes away. */
let kms: LocalKms;
let keys: KmsKeyProvider;
/** An operator's, which is always there. */
let operator: KmsKeyProvider;
let slow: { kms: LocalKms; keys: KmsKeyProvider; startedAt: number };
let first: string[];

const provider = (adapter: LocalKms, changes: Partial<KmsKeyProviderOptions> = {}) =>
  createKmsKeyProvider({ kms: adapter, mongodb: system.mongodb, ...changes });

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  operator = provider(createLocalKms(box));
  kms = createLocalKms(box);
  const opens = createFileKeyProvider(system.keysFile);
  keys = provider(kms, { refreshMs: 100, timeoutMs: 2_000, opens });
  await expect(keys.active('grant')).rejects.toThrow('There is no grant key yet: generate keys.');
  first = (await operator.generateKeys()).kids;
  await system.startWorker({ keys });
  const late = createLocalKms(box);
  late.delayMs = SLOW_MS;
  slow = {
    kms: late,
    keys: provider(late, { timeoutMs: 300 }),
    startedAt: performance.now(),
  };
  await expect(slow.keys.get(first[0] ?? '')).rejects.toMatchObject({ code: 'key_unavailable' });
});
afterAll(() => system.close());

async function put(name: string): Promise<string> {
  const { connectionId } = await system.put(system.connectionFile(name), undefined, operator);
  return connectionId;
}

/** Adds keys and lets their ten minutes pass. */
async function addActiveKeys(): Promise<string[]> {
  const { kids, activeFrom } = await operator.generateKeys();
  expect(Date.parse(activeFrom) - Date.now()).toBeGreaterThan(9 * 60_000);
  expect((await operator.list()).filter(({ kid }) => kids.includes(kid))).toMatchObject([
    { state: 'created', active: false },
    { state: 'created', active: false },
  ]);
  const filter = { _id: { $in: kids } };
  await system.database.keys.updateMany(filter, { $set: { activeAfterMs: 0 } });
  operator = provider(createLocalKms(box));
  return kids;
}

it('stores nothing that opens a key, and shows no key of the KMS in an error', async () => {
  const documents = await system.database.keys.find().toArray();
  expect(documents.map(({ _id }) => _id).sort()).toEqual([...first].sort());
  const away = createLocalKms();
  for (const adapter of [away, Object.assign(createLocalKms(box), { down: true })]) {
    const opening = provider(adapter).active('grant');
    await expect(opening).rejects.toMatchObject({ code: 'key_unavailable' });
    await expect(opening).rejects.not.toThrow('planted-kms-error');
  }
});

it('does not unwrap a key for another id or purpose', async () => {
  const [document] = await system.database.keys.find({ purpose: 'access' }).toArray();
  const forged = { ...document, _id: 'grant-forged', purpose: 'grant' as const };
  await system.database.keys.insertOne(forged as never);
  await expect(operator.get('grant-forged')).rejects.toMatchObject({ code: 'key_unavailable' });
  await system.database.keys.deleteOne({ _id: 'grant-forged' });
});

it('gives an application that names access alone no grant key', async () => {
  const application = provider(createLocalKms(box), { purposes: ['access'] });
  expect((await application.list()).map(({ purpose }) => purpose)).toEqual(['access']);
  const grant = (await operator.list()).find(({ purpose }) => purpose === 'grant');
  expect(await application.get(grant?.kid ?? '')).toBeUndefined();
  await expect(application.active('grant')).rejects.toMatchObject({ code: 'key_unavailable' });
});

it('needs the KMS once a key: while it is away tokens are issued and requests in flight end', async () => {
  const connectionId = await put('kms-away');
  const before = kms.requests;
  const answer = createGate();
  system.authorizationServer.hooks.onTokenRequest = () => answer.pass();
  const issued = forceRefresh(system, connectionId);
  await expect.poll(() => answer.arrived()).toBe(1);
  kms.down = true;
  answer.open();
  expect((await issued).outcome).toBe('issued');
  system.authorizationServer.hooks.onTokenRequest = null;
  expect((await forceRefresh(system, connectionId)).outcome).toBe('issued');
  expect(kms.requests).toBe(before);
  expect((await system.source({ keys }).getAccessToken(connectionId)).generation).toBe(2);
  kms.down = false;
});

it('a key that the KMS does not give is retried before anything is sent, and others go on', async () => {
  const known = await put('kms-known');
  kms.down = true;
  const kids = await addActiveKeys();
  const connectionId = await put('kms-unknown');
  expect((await tokenDocument(system, connectionId)).attempt).toBeNull();
  const requests = system.authorizationServer.countTokenRequests();
  expect(await forceRefresh(system, connectionId)).toMatchObject({
    ...{ outcome: 'failed', failure: { type: 'Store.key_unavailable', final: false } },
  });
  expect(system.authorizationServer.countTokenRequests()).toBe(requests);
  expect(await tokenDocument(system, connectionId)).toMatchObject({
    ...{ state: 'active', attempt: null, generation: 0 },
  });
  // The key before seals as long.
  expect((await forceRefresh(system, known)).outcome).toBe('issued');
  expect((await tokenDocument(system, known)).kids.sort()).not.toContain(kids[0]);
  kms.down = false;
  const tokens = system.source({ keys });
  await expect
    .poll(() => tokens.getAccessToken(connectionId).catch(() => null), {
      timeout: 60_000,
      interval: 200,
    })
    .toMatchObject({ generation: 1 });
});

it('opens what a key file sealed, but seals with its own keys', async () => {
  const { connectionId } = await system.put(system.connectionFile('kms-from-file'));
  expect((await forceRefresh(system, connectionId)).outcome).toBe('issued');
  const fromFile = (await system.keys.list()).map(({ kid }) => kid);
  expect((await keys.list()).filter(({ kid }) => fromFile.includes(kid))).toMatchObject([
    { purpose: 'access', active: false },
    { purpose: 'grant', active: false },
  ]);
  const [sealed] = (await tokenDocument(system, connectionId)).kids;
  expect(fromFile).not.toContain(sealed);
});

it('rotates: everything is sealed with the new keys by rotateKeys, by name and with no input', async () => {
  const result = (await system.client.workflow.execute('rotateKeys', {
    workflowId: `rotate-${system.id}`,
    taskQueue: system.taskQueue,
  })) as RotateKeysResult;
  const active = (await operator.list()).filter((key) => key.active).map(({ kid }) => kid);
  expect(result).toMatchObject({ left: 0, unreadable: 0 });
  expect(Object.values(result.active).sort()).toEqual([...active].sort());
  const before = [...first, ...(await system.keys.list()).map(({ kid }) => kid)];
  expect([...result.retired].sort()).toEqual(before.sort());
  await system.database.keys.deleteMany({ _id: { $in: first } });
  const later = provider(createLocalKms(box));
  const { connectionId } = system.connectionFile('kms-away');
  expect((await system.source({ keys: later }).getAccessToken(connectionId)).generation).toBe(2);
});

it(`a KMS that takes ${SLOW_MS / 1_000} s costs its first callers a retry, and is asked once`, async () => {
  const kid = first[0] ?? '';
  await expect
    .poll(() => slow.keys.get(kid).catch(() => null), { timeout: 30_000, interval: 200 })
    .toBeTruthy();
  expect(performance.now() - slow.startedAt).toBeGreaterThan(SLOW_MS - 100);
  expect(slow.kms.requests).toBe(first.length);
});
