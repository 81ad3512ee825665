/** How processes hear that a token has moved: looking records up, or a change stream that names them. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { openDatabase } from '../src/store/index.js';
import type { TokenSource } from '../src/tokens/index.js';
import type { Bench, BenchContext } from './bench.js';
import { watchTokens, type TokenStream } from './prototypes/token-stream.js';
import { emptyResult, type BenchResult } from './result.js';
import { measureRounds, ratiosOf } from './rounds.js';
import { median, percentile } from './statistics.js';
import { startLink, type BreakableLink } from './world/breakable-link.js';
import type { Deployment } from './world/deployment.js';
import { createCountingClient, type CountingClient } from './world/operations.js';
import { seed } from './world/seed.js';
import type { World } from './world/world.js';

const READS = 'MongoDB operations of all processes';
const CPU = 'processor time of mongod';
const LOOK_UPS = 'look-ups every 5 s';
const STREAM = 'change stream';
const NEITHER = 'neither';
const PROCESSES = 4;
const IN_USE = 250;
const MAX_AGE_MS = 5_000;
const NEVER_MS = 3_600_000;
/** Token requests of all connections together: two writes each, of which one moves the record. */
const REFRESHES_PER_SECOND = 2;

/** Look-ups across processes. */
export const lookUps: Bench = {
  name: 'look-ups',
  async run(context) {
    const result = emptyResult('look-ups');
    const world = await context.world();
    const inUse = context.quick ? 10 : IN_USE;
    const prefix = `look-${world.deployment.id}-`;
    const ids = Array.from({ length: inUse }, (_, index) => `${prefix}${index}`);
    const token = (index: number): string => `token-of-${prefix}${index}`;
    await seed(world.deployment, { ids, connection: {}, token, ageMs: () => 0 });
    await measureCost(context, result, { world, ids });
    await measureNews(result, world, { ids, quick: context.quick });
    if (!context.quick) claim(result);
    return result;
  },
};

async function measureCost(
  { quick }: BenchContext,
  result: BenchResult,
  { world, ids }: { world: World; ids: string[] },
): Promise<void> {
  const lengthMs = quick ? 1_500 : 15_000;
  const rounds = quick ? 1 : 3;
  const operations = new Map<string, number[]>();
  const run = (way: string) => async (round: number) => {
    const { count, cpuMs } = await useFor(world, { ids, way, lengthMs });
    if (round >= 0) operations.set(way, [...(operations.get(way) ?? []), count]);
    return cpuMs;
  };
  await measureRounds(result, {
    ...{ cell: CPU, unit: `ms in ${lengthMs / 1_000} s`, rounds, warmUp: !quick },
    subjects: { [LOOK_UPS]: run(LOOK_UPS), [STREAM]: run(STREAM), [NEITHER]: run(NEITHER) },
    compare: [
      { of: STREAM, to: LOOK_UPS },
      { of: NEITHER, to: LOOK_UPS },
    ],
  });
  const periods = lengthMs / MAX_AGE_MS + 1;
  result.counts.push({
    what: 'look-ups, of one per connection, process and period',
    value: Math.max(...(operations.get(LOOK_UPS) ?? [])),
    expected: { atMost: Math.ceil(ids.length * PROCESSES * periods) },
  });
  for (const [subject, counted] of operations) {
    const unit = `in ${lengthMs / 1_000} s`;
    result.measures.push({ cell: READS, subject, unit, rounds: counted });
  }
}

/** Processes use every connection once a second, while some tokens are refreshed elsewhere. */
async function useFor(
  { deployment }: World,
  { ids, way, lengthMs }: { ids: string[]; way: string; lengthMs: number },
): Promise<{ count: number; cpuMs: number }> {
  const clients = Array.from({ length: PROCESSES }, () =>
    createCountingClient(deployment.mongodbUri),
  );
  const maxAgeMs = way === LOOK_UPS ? MAX_AGE_MS : NEVER_MS;
  const sources = clients.map((client) => deployment.source({ mongodb: client.mongodb, maxAgeMs }));
  for (const source of sources) await Promise.all(ids.map((id) => source.getAccessToken(id)));
  const streams = way === STREAM ? clients.map((client) => watch(client, ids)) : [];
  await sleep(500);
  for (const client of clients) client.take();
  const before = await processorTimeMs(deployment.mongodb);
  const using = new AbortController();
  const working = [
    ...sources.map((source) => useSteadily(source, ids, using.signal)),
    refreshSteadily(deployment, ids, using.signal),
  ];
  await sleep(lengthMs);
  using.abort();
  await Promise.all(working);
  const after = await processorTimeMs(deployment.mongodb);
  const count = clients.reduce((sum, client) => sum + client.take().length, 0);
  await Promise.all(streams.map((stream) => stream.close()));
  await Promise.all(clients.map((client) => client.mongodb.close()));
  return { count, cpuMs: after - before };
}

/** What mongod has used of the processor so far. */
async function processorTimeMs(mongodb: MongoClient): Promise<number> {
  const status = await mongodb.db('admin').command({ serverStatus: 1 });
  const used = status['extra_info'] as { user_time_us: number; system_time_us: number };
  return (used.user_time_us + used.system_time_us) / 1_000;
}

/** With a stream, a look-up follows each record that moved, and nothing else. */
function watch(client: CountingClient, ids: string[]): TokenStream {
  const { tokens } = openDatabase(client.mongodb);
  const used = new Set(ids);
  const reads = new Set<Promise<unknown>>();
  const stream = watchTokens(tokens, {
    moved: (id) => {
      if (!used.has(id)) return;
      const read = tokens.findOne({ _id: id }).finally(() => reads.delete(read));
      reads.add(read);
    },
    gap: () => undefined,
  });
  return {
    async close() {
      await stream.close();
      await Promise.all(reads);
    },
  };
}

async function useSteadily(source: TokenSource, ids: string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const id of ids) await source.getAccessToken(id);
    await sleep(1_000, undefined, { signal }).catch(() => undefined);
  }
}

/** Always another one: what stays as it is moves nothing. */
const OTHER_STATE = { $cond: [{ $eq: ['$state', 'active'] }, 'at_risk', 'active'] };

/** The two writes of a refresh: an intent, and a commit, which moves the record. */
async function refreshSteadily(
  { database }: Deployment,
  ids: string[],
  signal: AbortSignal,
): Promise<void> {
  for (let turn = 0; !signal.aborted; turn += 1) {
    const _id = ids[turn % ids.length] ?? '';
    const at = new Date();
    const who = { id: `attempt-${turn}`, parentGeneration: 1, worker: 'bench' };
    const attempt = { ...who, sentAt: at, deadline: at };
    await database.tokens.updateOne({ _id }, { $set: { attempt } });
    await database.tokens.updateOne({ _id }, [{ $set: { attempt: null, state: OTHER_STATE } }]);
    const waitMs = 1_000 / REFRESHES_PER_SECOND;
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

/** A stream over a connection that can be cut, and what it told. */
interface CutStream {
  link: BreakableLink;
  heard: Map<string, number>;
  gaps: () => number;
  close(): Promise<void>;
}

async function openCutStream({ mongodbUri }: Deployment): Promise<CutStream> {
  const { port, pathname } = new URL(mongodbUri);
  const link = await startLink(Number(port));
  const uri = `mongodb://127.0.0.1:${link.port}${pathname}?directConnection=true`;
  const mongodb = new MongoClient(uri, { serverSelectionTimeoutMS: 30_000 });
  const heard = new Map<string, number>();
  let gaps = 0;
  const stream = watchTokens(openDatabase(mongodb).tokens, {
    moved: (id) => void heard.set(id, performance.now()),
    gap: () => (gaps += 1),
  });
  await sleep(1_000);
  return {
    ...{ link, heard, gaps: () => gaps },
    async close() {
      await stream.close();
      await mongodb.close();
      await link.close();
    },
  };
}

/** How soon a stream tells, and whether it tells everything after its connection was cut. */
async function measureNews(
  result: BenchResult,
  { deployment }: World,
  { ids, quick }: { ids: string[]; quick: boolean },
): Promise<void> {
  const stream = await openCutStream(deployment);
  const tookMs: number[] = [];
  for (const id of ids.slice(0, 50)) {
    const at = performance.now();
    await invalidate(deployment, id);
    while (!stream.heard.has(id)) await sleep(1);
    tookMs.push((stream.heard.get(id) ?? 0) - at);
  }
  const cell = 'from the write of an invalidation to its news';
  const rounds = [percentile(tookMs, 0.99)];
  result.measures.push({ cell, subject: STREAM, unit: 'ms (p99)', rounds });
  const lost = await lostInCut(deployment, stream, ids);
  result.counts.push({
    what: 'invalidations lost in a cut of one second',
    value: lost,
    expected: { exactly: 0 },
  });
  if (!quick) {
    await fillOplog(deployment, () => stream.link.cut());
    const lostLong = await lostInCut(deployment, stream, ids);
    result.counts.push({
      what: 'invalidations lost in a cut that outlasts the oplog',
      value: lostLong,
      expected: { exactly: 0 },
    });
  }
  await stream.close();
}

/** Invalidations written while the stream is cut that were neither heard nor covered by a gap. */
async function lostInCut(
  deployment: Deployment,
  stream: CutStream,
  ids: string[],
): Promise<number> {
  const { link, heard, gaps } = stream;
  heard.clear();
  link.cut();
  await Promise.all(ids.map((id) => invalidate(deployment, id)));
  await sleep(1_000);
  const before = gaps();
  link.mend();
  const endAt = performance.now() + 30_000;
  while (heard.size < ids.length && gaps() === before && performance.now() < endAt) await sleep(20);
  return gaps() > before ? 0 : ids.length - heard.size;
}

/** More than the oplog of the benches' mongod holds, written while nobody can read it. */
async function fillOplog({ mongodb }: Deployment, cut: () => void): Promise<void> {
  cut();
  const filler = mongodb.db().collection('filler');
  for (let round = 0; round < 40; round += 1) {
    const text = randomBytes(4 * 1_024 * 1_024).toString('latin1');
    await filler.insertOne({ text });
  }
  await filler.drop();
}

async function invalidate({ database }: Deployment, connectionId: string): Promise<void> {
  const invalid = { reason: 'rejected' as const, at: new Date() };
  await database.tokens.updateOne({ _id: connectionId }, { $set: { invalid } });
}

function claim(result: BenchResult): void {
  const saved = median(ratiosOf(result, CPU, { of: STREAM, to: LOOK_UPS }));
  const lost = result.counts
    .filter(({ what }) => what.startsWith('invalidations lost'))
    .reduce((sum, { value }) => sum + value, 0);
  result.claims.push({
    claim: 'processor time of mongod with a change stream, against look-ups; invalidations lost',
    toReach: 'saves reads without losing an invalidation',
    measured: `${saved.toFixed(2)}×; ${lost}`,
    met: saved < 1 && lost === 0,
  });
}
