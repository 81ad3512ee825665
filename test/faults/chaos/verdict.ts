/** The end of a chaos run: quiescence, the checker, the report. */
import { check, presentedTwice } from '../support/checker.js';
import { observe } from '../support/observe.js';
import type { Waiter } from '../support/waiters.js';
import { call, pause, type Calls } from './callers.js';
import type { ChaosDeployment } from './deployment.js';
import { judge, traceExchanges, type Loss } from './losses.js';
import type { Injected } from './nemesis.js';

/** What is written at the end. */
export interface ChaosReport {
  seed: number;
  minutes: number;
  faultsInjected: number;
  faultsByKind: Injected['counts'];
  injectionProblems: string[];
  tokenRequests: number;
  apiCalls: number;
  workflows: number;
  refusedCalls: Calls['refused'];
  avoidableLosses: number;
  /** Grants whose newest refresh token reached no process that lived to keep it. */
  unavoidableLosses: number;
  /** The same by profile and by what happened: `strict answer_lost`. */
  unavoidableByCause: Record<string, number>;
  falseReauthorizations: number;
  /** Refresh tokens presented again, by profile; none against the rules, or there is a violation. */
  presentedAgainByRule: Record<string, number>;
  bytesSearched: number;
  secretsSearchedFor: number;
  secretsFound: number;
  /** From the end of the faults until every connection was served and at rest, in milliseconds. */
  quiescenceMs: number;
  /** Workers that ended although nobody killed them. */
  workersEndedByThemselves: string[];
  losses: Loss[];
  violations: string[];
  /** Every fault, in the order in which they ended. */
  faultLog: string[];
  /** Of connections with a violation or a loss that could have been avoided: every token request. */
  timelines: Record<string, string[]>;
}

/** After the last fault every connection has this long to be served again. */
const QUIESCENCE_MS = 240_000;
const LOOK_EVERY_MS = 500;
/** No caller may wait longer: its own 20 s, and what MongoDB takes to say that it is not there. */
const WAIT_BOUND_MS = 90_000;
/** What every token of the run begins with, in whatever encoding: thousands are found by four. */
const SECRET_BEGINNINGS = ['imported-refresh', 'refresh', 'access', 'client-secret'];

/**
 * Waits until every connection serves its caller or is dead, with no request under way.
 *
 * @returns how long it took, and the connections that did not get there
 */
export async function awaitQuiescence(
  deployment: ChaosDeployment,
  calls: Calls,
): Promise<{ quiescenceMs: number; restless: string[] }> {
  const beganAt = performance.now();
  const giveUp = AbortSignal.timeout(QUIESCENCE_MS);
  const source = deployment.fault.system.source({ waitMs: 20_000, maxAgeMs: 500 });
  const restless = await Promise.all(
    deployment.connectionIds.map(async (connectionId): Promise<string[]> => {
      do {
        await call(deployment, source, { connectionId, calls });
        if (await isAtRest(deployment, connectionId)) return [];
      } while (await pause(LOOK_EVERY_MS, giveUp));
      return [connectionId];
    }),
  );
  return { quiescenceMs: Math.round(performance.now() - beganAt), restless: restless.flat() };
}

async function isAtRest({ fault }: ChaosDeployment, connectionId: string): Promise<boolean> {
  const found = await fault.system.database.tokens.findOne({ _id: connectionId });
  if (found?.attempt !== null) return false;
  if (found.state === 'reauthorization_required') return true;
  const usable = (found.expiresAt?.getTime() ?? 0) > Date.now();
  return found.state === 'active' && found.unknown.length === 0 && usable;
}

/** Runs the checker and adds up. */
export async function judgeRun(
  deployment: ChaosDeployment,
  run: {
    seed: number;
    minutes: number;
    injected: Injected;
    calls: Calls;
    losses: Loss[];
    /** `performance.now()` when the last fault was over. */
    calmSince: number;
  },
  { quiescenceMs, restless }: Awaited<ReturnType<typeof awaitQuiescence>>,
): Promise<ChaosReport> {
  const { fault, connectionIds, workers } = deployment;
  for (const connectionId of connectionIds) {
    const loss = await judge(deployment, connectionId);
    if (loss !== null) run.losses.push(loss);
  }
  traceExchanges(deployment, fault.server.exchanges);
  const observation = await observe(fault);
  const beginnings = SECRET_BEGINNINGS.map((what) => `canary-${what}-`);
  const keys = fault.secrets().filter((secret) => !secret.startsWith('canary-'));
  const violations = check({
    ...observation,
    secrets: [...beginnings, ...keys],
    waitBoundMs: WAIT_BOUND_MS,
    waiters: observation.waiters.map((waiter) => sinceCalm(waiter, run.calmSince)),
  });
  const of = (kind: Loss['kind']): Loss[] => run.losses.filter((loss) => loss.kind === kind);
  const { counts, problems } = run.injected;
  const searched = Object.values(observation.places);
  const report: ChaosReport = {
    seed: run.seed,
    minutes: run.minutes,
    faultsInjected: Object.values(counts).reduce((sum, count) => sum + count, 0),
    faultsByKind: counts,
    injectionProblems: problems,
    tokenRequests: fault.server.exchanges.length,
    apiCalls: fault.api.calls.length,
    workflows: run.calls.workflows,
    refusedCalls: run.calls.refused,
    avoidableLosses: of('avoidable').length,
    unavoidableLosses: of('unavoidable').length,
    unavoidableByCause: countBy(of('unavoidable'), ({ rotation, cause }) => `${rotation} ${cause}`),
    falseReauthorizations: of('false_death').length,
    presentedAgainByRule: presentedAgain(deployment),
    bytesSearched: searched.reduce((bytes, text) => bytes + text.length, 0),
    secretsSearchedFor: fault.secrets().length,
    secretsFound: violations.filter(({ invariant }) => invariant === 'I4').length,
    quiescenceMs,
    workersEndedByThemselves: workers.flatMap((slot) => slot.deaths),
    losses: run.losses,
    faultLog: run.injected.log,
    timelines: {},
    violations: [
      ...violations.map(({ invariant, says }) => `${invariant} ${says}`),
      ...restless.map((connectionId) => `I7 ${connectionId}: not at rest in ${QUIESCENCE_MS} ms`),
      ...[...of('avoidable'), ...of('false_death')].map(
        ({ connectionId, kind, sender }) => `${kind} ${connectionId}: sent by ${sender}`,
      ),
    ],
  };
  for (const connectionId of connectionIds) {
    if (!report.violations.some((violation) => violation.includes(`${connectionId}:`))) continue;
    report.timelines[connectionId] = timelineOf(deployment, connectionId);
  }
  return report;
}

/** A workflow waits for a token as long as things are broken: what counts is the time afterwards. */
function sinceCalm(waiter: Waiter, calmSince: number): Waiter {
  if (!waiter.what.startsWith('workflow')) return waiter;
  return { ...waiter, startedAt: Math.max(waiter.startedAt, calmSince) };
}

function presentedAgain({ fault, connectionIds }: ChaosDeployment): Record<string, number> {
  const counts: Record<string, number> = { none: 0, grace: 0, strict: 0 };
  for (const connectionId of connectionIds) {
    const rotation = fault.server.rotationOf(connectionId);
    const profile = typeof rotation === 'string' ? rotation : 'grace';
    const own = presentedTwice(fault.server.exchangesOf(connectionId));
    counts[profile] = (counts[profile] ?? 0) + own;
  }
  return counts;
}

function countBy<T>(list: readonly T[], nameOf: (one: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of list) counts[nameOf(one)] = (counts[nameOf(one)] ?? 0) + 1;
  return counts;
}

/** Every token request of a connection, for whoever looks into a violation. */
function timelineOf({ fault }: ChaosDeployment, connectionId: string): string[] {
  const numbers = new Map<string | null, number>();
  const numberOf = (token: string | null): number => {
    if (!numbers.has(token)) numbers.set(token, numbers.size);
    return numbers.get(token) ?? 0;
  };
  return fault.server.exchangesOf(connectionId).map((one) => {
    const [name, send] = one.sender?.split('/') ?? [];
    const worker = fault.workers.find((each) => each.name === name);
    const passed = worker?.passed.filter(({ send: own }) => own === Number(send)) ?? [];
    const last = passed.at(-1);
    const [arrived, ended, lastAt] = [one.arrivedAt, one.endedAt, last?.at].map((at) =>
      at == null ? '-' : (at / 1_000).toFixed(2),
    );
    return (
      `${arrived}-${ended} ${one.sender} presents ${numberOf(one.presented)}, ` +
      `${one.did} ${numberOf(one.refreshToken)}, delivered ${one.delivered}, asker ${one.asker}, ` +
      `last ${last?.point} ${last?.event} at ${lastAt}`
    );
  });
}
