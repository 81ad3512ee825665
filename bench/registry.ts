/** A registry of many connections: does it get slower with its size, and what does one take? */
import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { statusOf } from '../src/contract/token-record.js';
import {
  ensureIndexes,
  listTokens,
  openDatabase,
  readConnection,
  readConnections,
  readToken,
  type SealedValue,
  type TokenDatabase,
} from '../src/store/index.js';
import type { Bench } from './bench.js';
import { emptyResult, type BenchResult } from './result.js';
import { measureRounds, ratiosOf } from './rounds.js';
import { median, percentile } from './statistics.js';
import { withDatabase } from './world/deployment.js';
import { createCountingClient } from './world/operations.js';
import { seed } from './world/seed.js';
import type { World } from './world/world.js';

const SMALL = 100;
const LARGE = 100_000;
const BATCH = 5_000;
const BULK = { ordered: false, writeConcern: { w: 1 } };
const PAGE = 50;
const LARGE_NAME = '100,000 connections';
const SMALL_NAME = '100 connections';

/** The registry. */
export const registry: Bench = {
  name: 'registry',
  async run({ quick, world: open, say }) {
    const result = emptyResult('registry');
    const world = await open();
    const size = quick ? 1_000 : LARGE;
    say(`  inserting ${size.toLocaleString('en-US')} connections`);
    const small = await openRegistry(world, 'small', SMALL);
    const large = await openRegistry(world, 'large', size);
    for (const [what, read] of Object.entries(READS)) {
      const repeat = (of: Registry) => () => p99(of, read, quick ? 20 : 1_000);
      await measureRounds(result, {
        ...{ cell: what, unit: 'ms (p99)', rounds: quick ? 1 : 5, warmUp: !quick },
        subjects: { [LARGE_NAME]: repeat(large), [SMALL_NAME]: repeat(small) },
        compare: [{ of: LARGE_NAME, to: SMALL_NAME }],
      });
    }
    await countReads(result, world, large);
    if (!quick) await addSizes(result, large);
    await Promise.all([small.client.close(), large.client.close()]);
    if (!quick) claim(result);
    return result;
  },
};

/** A database with so many connections. */
interface Registry {
  client: MongoClient;
  database: TokenDatabase;
  ids: string[];
}

type Read = (database: TokenDatabase, id: string) => Promise<unknown>;

const READS: Record<string, Read> = {
  'read by id': (database, id) => readToken(database, id),
  async 'list a page'(database, id) {
    const tokens = await listTokens(database, { limit: PAGE, after: id });
    return readConnections(
      database,
      tokens.map(({ connectionId }) => connectionId),
    );
  },
  async status(database, id) {
    const [token, connection] = await Promise.all([
      readToken(database, id),
      readConnection(database, id),
    ]);
    return token === null || connection === null
      ? null
      : statusOf(token.record, connection.connection.lifetime.refresh);
  },
};
const OPERATIONS: Record<string, number> = { 'read by id': 1, 'list a page': 2, status: 2 };

async function p99({ database, ids }: Registry, read: Read, times: number): Promise<number> {
  const took: number[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    const id = ids[Math.floor(Math.random() * ids.length)] ?? '';
    const startedAt = performance.now();
    await read(database, id);
    took.push(performance.now() - startedAt);
  }
  return percentile(took, 0.99);
}

/** Inserts copies of a real connection and its token, each with sealed members of its own. */
async function openRegistry(world: World, name: string, size: number): Promise<Registry> {
  const { deployment, mongodb } = world;
  const id = `registry-${name}-${deployment.id}`;
  await seed(deployment, {
    ids: [id],
    connection: {},
    token: () => 'x'.repeat(43),
    ageMs: () => 0,
  });
  const connection = await deployment.database.connections.findOne({ _id: id });
  const token = await deployment.database.tokens.findOne({ _id: id });
  if (connection === null || token === null) throw new Error('Nothing was seeded.');
  const client = new MongoClient(withDatabase(mongodb.uri, `registry_${name}_${deployment.id}`));
  const database = openDatabase(client);
  const ids = Array.from({ length: size }, (_, index) => `c-${String(index).padStart(7, '0')}`);
  for (let start = 0; start < size; start += BATCH) {
    const batch = ids.slice(start, start + BATCH);
    await database.connections.insertMany(
      batch.map((_id) => ({ ...connection, _id, clientSecret: resealed(connection.clientSecret) })),
      BULK,
    );
    await database.tokens.insertMany(
      batch.map((_id) => ({ ...token, _id, access: resealed(token.access) })),
      BULK,
    );
  }
  await ensureIndexes(database);
  return { client, database, ids };
}

/** Equal texts would compress as sealed ones do not. */
function resealed(sealed: SealedValue | null): SealedValue | null {
  if (sealed === null) return null;
  const random = (text: string): string =>
    randomBytes(text.length).toString('base64url').slice(0, text.length);
  const { encrypted_key, iv, ciphertext, tag } = sealed;
  return {
    ...sealed,
    ...{ encrypted_key: random(encrypted_key), iv: random(iv) },
    ...{ ciphertext: random(ciphertext), tag: random(tag) },
  };
}

async function countReads(result: BenchResult, world: World, large: Registry): Promise<void> {
  const uri = withDatabase(world.mongodb.uri, large.database.name);
  const counting = createCountingClient(uri);
  const database = openDatabase(counting.mongodb);
  for (const [what, read] of Object.entries(READS)) {
    await read(database, large.ids[0] ?? '');
    const value = counting.take().length;
    const expected = { exactly: OPERATIONS[what] ?? 0 };
    result.counts.push({ what: `MongoDB operations to ${what}`, value, expected });
  }
  await counting.mongodb.close();
}

async function addSizes(result: BenchResult, { database, ids }: Registry): Promise<void> {
  let stored = 0;
  let indexes = 0;
  for (const name of ['connections', 'tokens']) {
    const [stats] = await database.client
      .db(database.name)
      .collection(name)
      .aggregate<{ storageStats: { size: number; totalIndexSize: number } }>([
        { $collStats: { storageStats: {} } },
      ])
      .toArray();
    stored += stats?.storageStats.size ?? 0;
    indexes += stats?.storageStats.totalIndexSize ?? 0;
  }
  const per = (bytes: number): number => Math.round(bytes / ids.length);
  result.counts.push(
    { what: 'bytes per connection, documents', value: per(stored), expected: null },
    { what: 'bytes per connection, indexes', value: per(indexes), expected: null },
  );
}

function claim(result: BenchResult): void {
  for (const what of Object.keys(READS)) {
    const ratio = median(ratiosOf(result, what, { of: LARGE_NAME, to: SMALL_NAME }));
    result.claims.push({
      claim: `${what}: p99 at 100,000 connections, against 100`,
      toReach: 'within 1.5×',
      measured: `${ratio.toFixed(2)}×`,
      met: ratio <= 1.5,
    });
  }
}
