/** What a call pays for its token when it is in memory: against what peers do before each call. */
import { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client';
import { measure } from 'mitata';
import { ClientCredentials } from 'simple-oauth2';
import type { Bench, BenchContext } from './bench.js';
import { emptyResult, type BenchResult } from './result.js';
import { measureRounds, ratiosOf, valuesOf } from './rounds.js';
import { median, percentile } from './statistics.js';
import { createCountingClient } from './world/operations.js';
import { seed } from './world/seed.js';
import type { TokenSource } from '../src/tokens/index.js';

const ONE = 'one connection';
const MANY = '10,000 connections';
const OURS = 'getAccessToken';
const BADGATEWAY = '@badgateway/oauth2-client getToken';
const SIMPLE = 'simple-oauth2 expired';
const MAP = 'a Map of tokens and an expiry check';
const TAIL = 'p99 of single calls';
/** Longer than the bench: look-ups are the bench `look-ups`. */
const NO_LOOK_UPS_MS = 3_600_000;
const HOUR_S = 3_600;

/** The hot path. */
export const hotPath: Bench = {
  name: 'hot-path',
  async run(context) {
    const result = emptyResult('hot-path');
    const { deployment } = await context.world();
    const size = context.quick ? 100 : 10_000;
    const ids = Array.from({ length: size }, (_, index) => `hot-${deployment.id}-${index}`);
    const lifetimeS = HOUR_S;
    await seed(deployment, { ids, connection: { lifetimeS }, token: tokenText, ageMs: () => 0 });
    const counting = createCountingClient(deployment.mongodbUri);
    const { mongodb } = counting;
    const tokens = deployment.source({ mongodb, maxAgeMs: NO_LOOK_UPS_MS });
    for (const id of ids) await tokens.getAccessToken(id);
    result.counts.push({
      what: 'MongoDB operations to open each token the first time',
      value: counting.take().length / size,
      expected: { exactly: 1 },
    });

    await measureCalls(context, result, { tokens, ids });
    result.counts.push({
      what: 'MongoDB operations of all calls from memory',
      value: counting.take().length,
      expected: { exactly: 0 },
    });
    await tokens.close();
    await mongodb.close();
    claim(result);
    return result;
  },
};

async function measureCalls(
  { quick }: BenchContext,
  result: BenchResult,
  { tokens, ids }: { tokens: TokenSource; ids: string[] },
): Promise<void> {
  const [first = ''] = ids;
  let turn = 0;
  const one = (): Promise<unknown> => tokens.getAccessToken(first);
  const many = (): Promise<unknown> => {
    turn = turn + 1 === ids.length ? 0 : turn + 1;
    return tokens.getAccessToken(ids[turn] ?? first);
  };
  const badgateway = await badgatewayPeer();
  const simple = simplePeer();
  const perCall = (call: () => unknown) => async (): Promise<number> =>
    (await measure(call, { min_cpu_time: quick ? 1e6 : 200e6, max_samples: 4_096 })).p50;
  await measureRounds(result, {
    ...{ cell: ONE, unit: 'ns', rounds: quick ? 1 : 5, warmUp: !quick },
    subjects: {
      [OURS]: perCall(one),
      [BADGATEWAY]: perCall(badgateway),
      [SIMPLE]: perCall(simple),
    },
    compare: [
      { of: OURS, to: BADGATEWAY },
      { of: OURS, to: SIMPLE },
    ],
  });
  await measureRounds(result, {
    ...{ cell: MANY, unit: 'ns', rounds: quick ? 1 : 5, warmUp: !quick },
    subjects: { [OURS]: perCall(many), [MAP]: perCall(mapPeer(ids)), [ONE]: perCall(one) },
    compare: [
      { of: OURS, to: ONE },
      { of: OURS, to: MAP },
    ],
  });
  const calls = quick ? 1_000 : 200_000;
  await measureRounds(result, {
    ...{ cell: TAIL, unit: 'ns', rounds: quick ? 1 : 5, warmUp: !quick, compare: [] },
    subjects: { [ONE]: () => p99(one, calls), [MANY]: () => p99(many, calls) },
  });
}

/** Each call on its own: a mean over many would hide the slow ones. */
async function p99(call: () => Promise<unknown>, calls: number): Promise<number> {
  const took: number[] = [];
  for (let index = 0; index < calls; index += 1) {
    const startedAt = process.hrtime.bigint();
    await call();
    took.push(Number(process.hrtime.bigint() - startedAt));
  }
  return percentile(took, 0.99);
}

async function badgatewayPeer(): Promise<() => Promise<unknown>> {
  const client = new OAuth2Client({ server: 'http://127.0.0.1', clientId: 'bench' });
  const token = {
    accessToken: tokenText(0),
    expiresAt: Date.now() + HOUR_S * 1_000,
    refreshToken: null,
  };
  const wrapper = new OAuth2Fetch({
    client,
    getNewToken: () => token,
    scheduleRefresh: false,
  });
  await wrapper.getToken();
  return () => wrapper.getToken();
}

/** The least that a memory of many tokens can be: what is not flat in it is the processor's cache. */
function mapPeer(ids: string[]): () => Promise<unknown> {
  const expiresAt = Date.now() + HOUR_S * 1_000;
  const tokens = new Map(
    ids.map((id, index) => [`${id}`, { accessToken: tokenText(index), expiresAt }]),
  );
  let turn = 0;
  return async () => {
    turn = turn + 1 === ids.length ? 0 : turn + 1;
    const found = tokens.get(ids[turn] ?? '');
    return found !== undefined && Date.now() < found.expiresAt ? found : undefined;
  };
}

function simplePeer(): () => boolean {
  const client = new ClientCredentials({
    client: { id: 'bench', secret: 'bench' },
    auth: { tokenHost: 'http://127.0.0.1' },
  });
  const token = client.createToken({ access_token: tokenText(0), expires_in: HOUR_S });
  return () => token.expired();
}

const tokenText = (index: number): string => `bench-access-token-${index}`.padEnd(43, 'x');

function claim(result: BenchResult): void {
  const peers = [BADGATEWAY, SIMPLE].map((peer) => median(valuesOf(result, ONE, peer)));
  const ours = median(valuesOf(result, ONE, OURS));
  const toFastest = ours / Math.min(...peers);
  const flat = median(ratiosOf(result, MANY, { of: OURS, to: ONE }));
  const toMap = median(ratiosOf(result, MANY, { of: OURS, to: MAP }));
  const tails = [ONE, MANY].map((cell) => median(valuesOf(result, TAIL, cell)));
  const worst = Math.max(...tails);
  result.claims.push(
    {
      claim: 'one connection, against the fastest peer with one token',
      toReach: 'within 2×',
      measured: `${toFastest.toFixed(2)}×`,
      met: toFastest <= 2,
    },
    {
      claim: '10,000 connections, against one',
      toReach: 'flat',
      measured: `${flat.toFixed(2)}× (a bare Map: ${toMap.toFixed(2)}× faster)`,
      met: flat <= 2,
    },
    {
      claim: 'p99 of single calls',
      toReach: 'under 5 µs',
      measured: `${(worst / 1_000).toFixed(1)} µs`,
      met: worst < 5_000,
    },
  );
}
