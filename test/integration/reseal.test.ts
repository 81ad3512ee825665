/** Sealing records anew, one write at a time: what moves, what stays, and who wins. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  accessTokenContext,
  ensureIndexes,
  prepareSealer,
  prepareSealerOf,
  refreshTokenContext,
  readConnection,
  resealPage,
  writeConnection,
  type ResealParts,
} from '../../src/store/index.js';
import { keysInMemory, testKey } from '../store/keys.js';
import {
  openEverything,
  seedRecords,
  startStrictServer,
  type StrictServer,
} from '../support/many-records.js';
import { tokenDocument } from '../support/token-records.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

const [a1, g1] = [testKey('a1'), testKey('g1', 'grant')];
const [a2, g2] = [testKey('a2'), testKey('g2', 'grant')];
const before = keysInMemory(a1, g1);
const both = keysInMemory(a2, g2, a1, g1);
const after = keysInMemory(a2, g2);

let system: TokenSystem;
let strict: StrictServer;
let id: string;
let parts: ResealParts;

beforeAll(async () => {
  system = { ...(await startTokenSystem()), keys: before };
  strict = await startStrictServer();
  await ensureIndexes(system.database);
  parts = {
    database: system.database,
    keys: both,
    sealers: {
      access: await prepareSealerOf(both, 'access', 'a2'),
      grant: await prepareSealerOf(both, 'grant', 'g2'),
    },
    stale: new Set(['a1', 'g1']),
  };
});
beforeEach(async () => {
  await system.database.tokens.deleteMany({});
  await system.database.connections.deleteMany({});
  [id = ''] = await seedRecords(system, strict, 1);
});
afterAll(async () => {
  await system.close();
  await strict.server.stop();
});

const page = (kid = 'g1', collection: 'tokens' | 'connections' = 'tokens') =>
  resealPage(parts, { collection, kid, after: null }, 10);

async function candidateOf(connectionId: string) {
  const read = await readConnection(system.database, connectionId);
  if (read === null) throw new Error('no connection');
  const document = await tokenDocument(system, connectionId);
  const place = { ...document, connectionId, generation: 7 };
  const context = refreshTokenContext(system.database, place, read.connection);
  const sealer = await prepareSealer(before, 'grant');
  const grant = await sealer.seal(context, 'marked-sibling');
  return { attemptId: 'sibling', grant, generation: 7, at: new Date() };
}

it('takes every sealed member, those of siblings and of the import too, and changes nothing else', async () => {
  const candidate = await candidateOf(id);
  await system.database.tokens.updateOne({ _id: id }, { $push: { candidates: candidate } });
  const was = await tokenDocument(system, id);
  expect(await page()).toMatchObject({ resealed: 1, conflicts: 0, busy: 0, last: id });
  expect(await page('g1', 'connections')).toMatchObject({ resealed: 1, conflicts: 0 });
  const now = await tokenDocument(system, id);
  expect(now.kids.sort()).toEqual(['a2', 'g2']);
  expect(now).toMatchObject({
    ...was,
    kids: now.kids,
    access: { tag: expect.any(String) as string },
    grant: { tag: expect.any(String) as string },
    candidates: [{ attemptId: 'sibling', generation: 7, at: candidate.at }],
    refreshTokenFingerprint: { kid: 'g2' },
  });
  expect((await openEverything(system, after, id)).refreshToken).toBe(strict.current.get(id));
  expect(JSON.stringify(now)).not.toContain(was.access?.tag);
});

it('loses to a commit that comes first', async () => {
  const committed = { ...(await tokenDocument(system, id)), generation: 2 };
  const raced: ResealParts = {
    ...parts,
    keys: {
      ...both,
      // While the values are opened, a token request commits.
      get: async (kid) => {
        await system.database.tokens.replaceOne({ _id: id }, committed);
        return both.get(kid);
      },
    },
  };
  const cursor = { collection: 'tokens', kid: 'g1', after: null } as const;
  expect(await resealPage(raced, cursor, 10)).toMatchObject({ resealed: 0, conflicts: 1 });
  const found = await tokenDocument(system, id);
  expect(found).toEqual(committed);
});

it('leaves a record alone while a token request may be under way, and not for ever', async () => {
  const attempt = (deadline: number) => ({
    ...{ id: 'x', parentGeneration: 1, worker: 'w', sentAt: new Date() },
    deadline: new Date(Date.now() + deadline),
  });
  await system.database.tokens.updateOne({ _id: id }, { $set: { attempt: attempt(60_000) } });
  expect(await page()).toMatchObject({ resealed: 0, busy: 1 });
  const dead = attempt(-1);
  await system.database.tokens.updateOne({ _id: id }, { $set: { attempt: dead } });
  expect(await page()).toMatchObject({ resealed: 1, busy: 0 });
  expect((await tokenDocument(system, id)).attempt).toEqual(dead);
});

it('keeps what does not open with its key as it is, and takes the rest', async () => {
  const [other = ''] = await seedOther();
  const broken = await tokenDocument(system, other);
  const stolen = await tokenDocument(system, id);
  await system.database.tokens.updateOne({ _id: id }, { $set: { grant: broken.grant } });
  const done = await page();
  expect(done).toMatchObject({ unreadable: [id], conflicts: 0 });
  const now = await tokenDocument(system, id);
  expect(now.grant).toEqual(broken.grant);
  expect(now.access?.tag).not.toBe(stolen.access?.tag);
  expect(now.kids.sort()).toEqual(['a2', 'g1', 'g2']);
});

/** A second record, beside the one of each test. */
async function seedOther(): Promise<string[]> {
  const named = { ...system, id: 'other' };
  return seedRecords(named, strict, 1);
}

it('forgets a key that no member needs any more', async () => {
  await system.database.tokens.updateOne({ _id: id }, { $push: { kids: 'a1-gone' } });
  expect(await page()).toMatchObject({ resealed: 1 });
  expect((await tokenDocument(system, id)).kids.sort()).toEqual(['a2', 'g2']);
});

it('a key that is missing here fails the process, not the record', async () => {
  const was = await tokenDocument(system, id);
  const lacking: ResealParts = { ...parts, keys: after };
  const cursor = { collection: 'tokens', kid: 'g1', after: null } as const;
  await expect(resealPage(lacking, cursor, 10)).rejects.toMatchObject({ code: 'key_unavailable' });
  expect(await tokenDocument(system, id)).toEqual(was);
});

it('does not take a value sealed with a key of the other purpose for good', async () => {
  const document = await tokenDocument(system, id);
  const place = accessTokenContext(system.database, { ...document, connectionId: id });
  const forged = await (await prepareSealer(before, 'grant')).seal(place, 'made-up');
  await system.database.tokens.updateOne({ _id: id }, { $set: { access: forged } });
  expect(await page()).toMatchObject({ unreadable: [id] });
  expect((await tokenDocument(system, id)).access).toEqual(forged);
});

it('a put that read a client secret before does not bring the old key back', async () => {
  const read = await readConnection(system.database, id);
  expect(await page('g1', 'connections')).toMatchObject({ resealed: 1 });
  if (read === null) throw new Error('no connection');
  const put = { ...read.connection, _id: id, clientSecret: read.clientSecret };
  expect(await writeConnection(system.database, put, read)).toBe(false);
  const again = await readConnection(system.database, id);
  expect(
    await writeConnection(
      system.database,
      { ...put, clientSecret: again?.clientSecret ?? null },
      again,
    ),
  ).toBe(true);
});

it('finds its records by the index of keys, in pages', async () => {
  const db = system.mongodb.db(system.database.name);
  await db.command({ profile: 2 });
  await page();
  await page('g1', 'connections');
  await db.command({ profile: 0 });
  const profiled = await db
    .collection<{ planSummary: string; hasSortStage?: boolean }>('system.profile')
    .find({ 'command.hint': { $exists: true } })
    .toArray();
  const plans = profiled.map(({ planSummary, hasSortStage }) => [
    planSummary,
    hasSortStage ?? false,
  ]);
  expect(plans).toEqual([
    ['IXSCAN { kids: 1, _id: 1 }', false],
    ['IXSCAN { kids: 1, _id: 1 }', false],
  ]);
});
