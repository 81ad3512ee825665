/** Callers while the token is stale but usable, and its refresh is under way: does anybody wait? */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { emptyResult, type BenchResult } from './result.js';
import { measureRounds, ratiosOf } from './rounds.js';
import { median, percentile } from './statistics.js';
import type { TokenSource } from '../src/tokens/index.js';
import type { World } from './world/world.js';

const FRESH = 'token fresh';
const STALE = 'token stale, refresh under way';
const TOKEN = 'getAccessToken';
const CALL = 'API call';
/** The refresh is under way all the time that stale callers are measured. */
const DELAY_MS = 6_000;
const CALLERS = 20;
const PAUSE_MS = 10;

/** Callers of a stale token. */
export const staleToken: Bench = {
  name: 'stale-token',
  async run({ quick, world: open }) {
    const result = emptyResult('stale-token');
    const world = await open();
    await world.deployment.worker();
    const rounds = quick ? 1 : 5;
    const forMs = quick ? 300 : 4_000;
    const parts = { world, forMs, refreshes: [] as number[], late: 0 };
    for (const kind of [TOKEN, CALL] as const) {
      const both = onceARound((round) => runRound(parts, kind, round));
      await measureRounds(result, {
        ...{ cell: kind, unit: 'µs (p99)', rounds, warmUp: !quick },
        subjects: {
          [FRESH]: async (round) => (await both(round)).fresh,
          [STALE]: async (round) => (await both(round)).stale,
        },
        compare: [{ of: STALE, to: FRESH }],
      });
    }
    result.counts.push(
      {
        what: 'most token requests of a round with a stale token',
        value: Math.max(...parts.refreshes),
        expected: { exactly: 1 },
      },
      {
        what: 'callers of a stale token who waited for the token request',
        value: parts.late,
        expected: { exactly: 0 },
      },
    );
    if (!quick) claim(result);
    return result;
  },
};

interface Parts {
  world: World;
  forMs: number;
  refreshes: number[];
  late: number;
}

/** Both are measured at the same time, call by call, so that the machine's noise hits both. */
function onceARound<T>(run: (round: number) => Promise<T>): (round: number) => Promise<T> {
  const rounds = new Map<number, Promise<T>>();
  return (round) => {
    const known = rounds.get(round) ?? run(round);
    rounds.set(round, known);
    return known;
  };
}

async function runRound(
  parts: Parts,
  kind: string,
  round: number,
): Promise<{ fresh: number; stale: number }> {
  const { deployment, endpoints } = parts.world;
  const { apiUrl: url } = endpoints;
  const name = `${kind === TOKEN ? 'token' : 'call'}-${round + 1}-${deployment.id}`;
  const ids = { fresh: `fresh-${name}`, stale: `stale-${name}` };
  for (const connectionId of [ids.fresh, ids.stale]) {
    // The first token comes at once, the refresh is slow.
    await deployment.put({ connectionId });
    await deployment.source().getAccessToken(connectionId);
    await deployment.slowDown(connectionId, DELAY_MS);
  }
  await deployment.age(ids.stale, 'stale');
  const tokens = deployment.source();
  for (const connectionId of [ids.fresh, ids.stale]) await tokens.getAccessToken(connectionId);
  await untilRequested(parts.world, ids.stale, 2);
  const call =
    kind === TOKEN
      ? (connectionId: string) => tokens.getAccessToken(connectionId)
      : (connectionId: string) => callApi(tokens, connectionId, url);
  const took = await callFor(parts.forMs, ids, call);
  parts.refreshes.push((await endpoints.countTokenRequests(ids.stale)) - 1);
  parts.late += took.stale.filter((us) => us > (DELAY_MS / 2) * 1_000).length;
  return { fresh: percentile(took.fresh, 0.99), stale: percentile(took.stale, 0.99) };
}

async function untilRequested(world: World, connectionId: string, count: number): Promise<void> {
  while ((await world.endpoints.countTokenRequests(connectionId)) < count) await sleep(20);
}

async function callApi(tokens: TokenSource, connectionId: string, url: string): Promise<void> {
  const response = await tokens.fetch(connectionId, url);
  await response.text();
}

/** How long each call took, in microseconds; each caller turns from one connection to the other. */
async function callFor(
  forMs: number,
  ids: { fresh: string; stale: string },
  call: (connectionId: string) => Promise<unknown>,
): Promise<{ fresh: number[]; stale: number[] }> {
  const took = { fresh: [] as number[], stale: [] as number[] };
  const endAt = performance.now() + forMs;
  const caller = async (): Promise<void> => {
    for (let turn = 0; performance.now() < endAt; turn += 1) {
      const kind = turn % 2 === 0 ? 'fresh' : 'stale';
      const startedAt = process.hrtime.bigint();
      await call(ids[kind]);
      took[kind].push(Number(process.hrtime.bigint() - startedAt) / 1_000);
      // Callers have other things to do: without a pause they would measure how busy they are.
      await sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return took;
}

function claim(result: BenchResult): void {
  for (const cell of [TOKEN, CALL]) {
    const ratio = median(ratiosOf(result, cell, { of: STALE, to: FRESH }));
    result.claims.push({
      claim: `${cell}: p99 with a stale token, against a fresh one`,
      toReach: '≤ 1.1×',
      measured: `${ratio.toFixed(2)}×`,
      met: ratio <= 1.1,
    });
  }
}
