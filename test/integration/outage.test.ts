/** The authorization server is unwell, and then well again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  issue,
  startScriptedAuthorizationServer,
  type ScriptedReply,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';
import { callAtOnce, tokenDocument, type Outcomes } from '../support/token-records.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

const CALLERS = 200;
/** Nobody waits for the next attempt, or for the 30 s that a caller has. */
const AT_ONCE_MS = 3_000;
/** How late a request's arrival may be stamped. */
const STAMP_MS = 250;

interface Outage {
  reply: ScriptedReply;
  type: string;
  /** Earliest time between two requests, in order, in milliseconds. */
  pausesMs: number[];
}

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toUTCString();
const unavailable = (retryAfter: string): ScriptedReply => ({
  status: 503,
  headers: { 'retry-after': retryAfter },
  body: 'come back later',
});

const OUTAGES: Record<string, Outage> = {
  'answers 500': {
    reply: { status: 500, body: 'broken' },
    type: 'OAuth.server_error',
    pausesMs: [1_000, 2_000],
  },
  'answers 503 with Retry-After in seconds': {
    reply: unavailable('3'),
    type: 'OAuth.server_error',
    pausesMs: [3_000, 3_000],
  },
  // A date has whole seconds only.
  'answers 503 with Retry-After as a date': {
    reply: () => unavailable(inSeconds(4)) as { status: number },
    type: 'OAuth.server_error',
    pausesMs: [3_000, 3_000],
  },
  'answers 429': {
    reply: { status: 429, headers: { 'retry-after': '2' }, body: { error: 'slow' } },
    type: 'OAuth.rate_limited',
    pausesMs: [2_000, 2_000],
  },
  'answers garbage': {
    reply: { status: 200, body: '<html>Maintenance</html>' },
    type: 'OAuth.malformed_response',
    pausesMs: [1_000, 2_000],
  },
  // Each request takes the second that this server is given.
  'does not answer': { reply: 'hang', type: 'OAuth.unreachable', pausesMs: [2_000, 3_000] },
};

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem();
  await system.startWorker();
});
afterAll(() => system.close());

async function put(name: string, { tokenEndpoint }: ScriptedAuthorizationServer): Promise<string> {
  const file = system.connectionFile(name.replaceAll(/\W/g, '-'), {
    authorizationServer: { tokenEndpoint, requestTimeoutMs: 1_000 },
  });
  return (await system.put(file)).connectionId;
}

/** Everybody got a retryable failure at once, and was told when to come back. */
function expectRefused({ generations, refusals }: Outcomes, type: string): void {
  expect(generations).toEqual([]);
  expect(refusals).toHaveLength(CALLERS);
  for (const refusal of refusals) {
    expect(refusal).toMatchObject({ type, final: false });
    expect(refusal.nextRetryDelayMs).toBeGreaterThan(0);
    expect(refusal.afterMs).toBeLessThan(AT_ONCE_MS);
  }
}

describe.concurrent('an authorization server that', () => {
  it.for(Object.entries(OUTAGES))(
    '%s is asked as scheduled, however many callers there are',
    async ([name, { reply, type, pausesMs }], { expect }) => {
      const endpoint = await startScriptedAuthorizationServer();
      try {
        endpoint.otherwise = reply;
        const connectionId = await put(name, endpoint);
        // Two memories, as two processes have them.
        const sources = [system.source(), system.source()];
        const callers = (): Promise<Outcomes> =>
          callAtOnce(CALLERS, async (index) =>
            (sources[index % 2] ?? system.source()).getAccessToken(connectionId),
          );
        const document = () => tokenDocument(system, connectionId);
        const failures = async (): Promise<number> => (await document()).failures;

        expectRefused(await callers(), type);
        let steadyRounds = 0;
        for (let attempt = 1; attempt <= pausesMs.length + 1; attempt += 1) {
          await expect
            .poll(failures, { timeout: 30_000, interval: 50 })
            .toBeGreaterThanOrEqual(attempt);
          const before = await document();
          const outcomes = await callers();
          const after = await document();
          expectRefused(outcomes, type);
          // On a slow machine the next attempt may have come meanwhile.
          if (before.failures !== after.failures || after.attempt !== null) continue;
          steadyRounds += 1;
          expect(endpoint.received).toHaveLength(after.failures);
          const delays = outcomes.refusals.map(({ nextRetryDelayMs }) => nextRetryDelayMs ?? 0);
          const retryAt = after.retryAt?.getTime() ?? 0;
          // What a look at the record took counts as passed, so that no token is overrated: a caller
          // may come back earlier by that, and then reads again.
          const lookMs = Math.max(...outcomes.refusals.map(({ afterMs }) => afterMs));
          expect(Date.now() + Math.min(...delays) + lookMs).toBeGreaterThanOrEqual(retryAt);
        }
        expect(steadyRounds).toBeGreaterThan(0);
        pausesMs.forEach((pauseMs, index) => {
          const [first, second] = endpoint.received.slice(index, index + 2).map(({ at }) => at);
          // A busy test process stamps arrivals late, the first one more than the second.
          expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(pauseMs - STAMP_MS);
        });

        endpoint.otherwise = () => issue('access-1');
        let served = await callers();
        for (let tries = 0; served.refusals.length > 0 && tries < 5; tries += 1) {
          await sleep(Math.max(...served.refusals.map((refusal) => refusal.nextRetryDelayMs ?? 0)));
          served = await callers();
        }
        expect(served).toEqual({ generations: Array<number>(CALLERS).fill(1), refusals: [] });
        expect(endpoint.received.length).toBeLessThanOrEqual(pausesMs.length + 3);
      } finally {
        await endpoint.stop();
      }
    },
  );
});
