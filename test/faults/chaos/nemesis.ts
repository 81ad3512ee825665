/** Carries out the faults of a schedule. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenReply } from '../../../src/testing/index.js';
import type { Misbehaviour } from '../support/rotating-server.js';
import type { ProxyMode, TcpProxy } from '../support/tcp-proxy.js';
import type { ChaosDeployment } from './deployment.js';
import type { ChaosFault, FaultKind } from './schedule.js';

type Inject = (deployment: ChaosDeployment, fault: ChaosFault) => Promise<boolean>;

/** Beyond what a token request may take here. */
const SLOW_MS = 4_000;

/** How each fault is done; false: there was nothing to do it to. */
const INJECTIONS: Record<FaultKind, Inject> = {
  async worker_killed({ workers }, { target, forMs }) {
    const worker = at(workers, target);
    const done = await worker.kill();
    if (done) await sleep(forMs);
    if (done) await worker.start();
    return done;
  },
  async worker_stopped({ workers }, { target, forMs }) {
    const worker = at(workers, target);
    const done = await worker.stop();
    if (done) await sleep(forMs);
    if (done) worker.resume();
    return done;
  },
  async mongodb_stepped_down({ set }, { forMs }) {
    await set.stepDown(Math.ceil(forMs / 1_000));
    return true;
  },
  async mongod_killed({ set }, { target, forMs }) {
    const member = at(set.members, target);
    if (member.pid === null) return false;
    await set.kill(member);
    await sleep(forMs);
    await set.restart(member);
    return true;
  },
  mongod_delayed: through(mongodOf, ({ target }) => ({ do: 'delay', ms: 20 + (target % 300) })),
  mongod_cut: through(mongodOf, ({ target }) => cut(target)),
  mongod_reset: resets(mongodOf),
  mongod_stalled: through(mongodOf, () => ({ do: 'stall' })),
  temporal_delayed: through(temporalOf, ({ target }) => ({ do: 'delay', ms: 20 + (target % 300) })),
  temporal_cut: through(temporalOf, ({ target }) => cut(target)),
  temporal_reset: resets(temporalOf),
  temporal_refused: through(temporalOf, () => ({ do: 'refuse' })),
  temporal_stalled: through(temporalOf, () => ({ do: 'stall' })),
  token_endpoint_delayed: through(endpointOf, ({ target }) => ({
    do: 'delay',
    ms: target % 1_000,
  })),
  token_endpoint_cut: through(endpointOf, ({ target }) => cut(target)),
  token_endpoint_reset: resets(endpointOf),
  token_endpoint_refused: through(endpointOf, () => ({ do: 'refuse' })),
  token_endpoint_stalled: through(endpointOf, () => ({ do: 'stall' })),
  token_endpoint_trickles: through(endpointOf, () => ({ do: 'trickle', everyMs: 2 })),
  answer_lost: misbehaves(() => ({ answers: 'lose' })),
  answer_dropped: misbehaves(() => ({ drops: true })),
  answer_500: misbehaves(() => ({ refuses: { status: 500, body: 'broken' } })),
  answer_503_retry_after: misbehaves(({ target }) => ({
    refuses: { status: 503, headers: { 'retry-after': String(1 + (target % 4)) }, body: 'later' },
  })),
  answer_late: misbehaves(() => ({ answers: changed({ delayMs: SLOW_MS }) })),
  answer_garbage: misbehaves(() => ({ answers: () => ({ status: 200, body: '<html>hello' }) })),
  answer_truncated: misbehaves(({ target }) => ({
    answers: changed({ cutAfterBytes: 1 + (target % 200) }),
  })),
  answer_byte_by_byte: misbehaves(() => ({ answers: changed({ byteEveryMs: 2 }) })),
  answer_doubled: misbehaves(() => ({ answers: changed({ doubled: true }) })),
  access_tokens_revoked({ fault, connectionIds }, { target }) {
    fault.server.revokeAccessTokens(at(connectionIds, target));
    return Promise.resolve(true);
  },
};

/** What a nemesis has done. */
export interface Injected {
  /** How many of each kind. */
  counts: Partial<Record<FaultKind, number>>;
  /** Every fault that was over, `kind target from-to` in seconds since the beginning. */
  log: string[];
  /** Injections that failed, in words: a fault that could not be made is no proof of anything. */
  problems: string[];
}

/**
 * Carries out a schedule from `beganAt` (`performance.now()`) on, and waits until every fault is over.
 */
export async function unleash(
  deployment: ChaosDeployment,
  schedule: ChaosFault[],
  { beganAt, signal, injected }: { beganAt: number; signal: AbortSignal; injected: Injected },
): Promise<void> {
  const { counts, log, problems } = injected;
  const seconds = (): string => ((performance.now() - beganAt) / 1_000).toFixed(1);
  const underWay: Promise<void>[] = [];
  for (const fault of schedule) {
    const waitMs = beganAt + fault.atMs - performance.now();
    await sleep(Math.max(waitMs, 0), undefined, { signal });
    const { kind, target } = fault;
    const from = seconds();
    const carryOut = async (): Promise<void> => {
      try {
        if (!(await INJECTIONS[kind](deployment, fault))) return;
        counts[kind] = (counts[kind] ?? 0) + 1;
        log.push(`${kind} ${target} ${from}-${seconds()}`);
      } catch (error) {
        problems.push(`${kind} ${from}-${seconds()}: ${String(error)}`);
      }
    };
    underWay.push(carryOut());
  }
  await Promise.all(underWay);
}

function at<T>(list: readonly T[], target: number): T {
  const found = list[target % list.length];
  if (found === undefined) throw new TypeError('There is nothing to choose from.');
  return found;
}

type Choose = (deployment: ChaosDeployment, fault: ChaosFault) => TcpProxy;
function mongodOf({ proxies }: ChaosDeployment, { target }: ChaosFault): TcpProxy {
  return at(proxies.mongods, target);
}
function temporalOf({ proxies }: ChaosDeployment): TcpProxy {
  return proxies.temporal;
}
function endpointOf({ proxies }: ChaosDeployment): TcpProxy {
  return proxies.tokenEndpoint;
}

/** The last fault set of each proxy: one that ends does not end another that came later. */
const inForce = new WeakMap<TcpProxy, ChaosFault>();

function through(choose: Choose, mode: (fault: ChaosFault) => ProxyMode): Inject {
  return async (deployment, fault) => {
    const proxy = choose(deployment, fault);
    inForce.set(proxy, fault);
    await proxy.set(mode(fault));
    await sleep(fault.forMs);
    if (inForce.get(proxy) === fault) await proxy.set({ do: 'pass' });
    return true;
  };
}

function resets(choose: Choose): Inject {
  return (deployment, fault) => {
    choose(deployment, fault).resetAll();
    return Promise.resolve(true);
  };
}

function cut(target: number): ProxyMode {
  const direction = target % 2 === 0 ? 'to_client' : 'to_server';
  return { do: 'cut', direction, afterBytes: target * 3 };
}

function misbehaves(make: (fault: ChaosFault) => Misbehaviour): Inject {
  return ({ fault: { server }, connectionIds }, fault) => {
    server.misbehave(at(connectionIds, fault.target), make(fault));
    return Promise.resolve(true);
  };
}

const changed =
  (changes: Partial<Exclude<TokenReply, string>>) =>
  (processed: TokenReply): TokenReply =>
    typeof processed === 'string' ? processed : { ...processed, ...changes };
