/**
 * The redemption machine in a small world: workers that crash, stall and lose answers, a server that
 * takes a code once, a store that compares before it sets. Every order of everything is tried.
 */
import type { AuthorizationRecord } from '../../src/contract/authorization-record.js';
import type { FailedRequest } from '../../src/contract/decide-outcome.js';
import { nextRedemptionStep, startRedemption } from '../../src/contract/redemption.js';
import type {
  RedemptionEffect,
  RedemptionEvent,
  RedemptionState,
} from '../../src/contract/redemption-steps.js';

export const TICK_MS = 15_000;
const LEASE_TICKS = 2;

/** What is explored. */
export interface RedemptionSettings {
  workers: number;
  crashes: number;
  /** Answers that do not arrive. */
  losses: number;
  /** A worker may hold an answer for longer than its lease. */
  stalls: boolean;
  /** What the server does with a code that comes back. */
  reuse: 'revokes' | 'refuses' | 'takes';
  maxTicks: number;
}

interface Worker {
  /** `answered`: the server has decided, and the worker has not heard it. */
  doing: 'acting' | 'in_flight' | 'answered' | 'ended';
  state: RedemptionState;
  effect: RedemptionEffect;
  attemptId: string | null;
  sentTick: number;
  /** What the server decided. */
  answer: 'issued' | 'refused' | null;
}

/** Everything there is. */
export interface RedemptionWorld {
  tick: number;
  record: AuthorizationRecord;
  /** How often the server took the code. */
  exchanges: number;
  /** How often it was sent. */
  sends: number;
  revoked: boolean;
  epoch: number;
  commits: number;
  attempts: number;
  crashes: number;
  losses: number;
  workers: Worker[];
}

const LOST: FailedRequest = {
  ...{ certainty: 'unknown', code: 'unreachable', retryAfterMs: null, mayStillRun: false },
};
const REFUSED: FailedRequest = { ...LOST, certainty: 'rejected', code: 'invalid_grant' };

function freshWorker(): Worker {
  const { state, effect } = startRedemption();
  return {
    ...{ doing: 'acting', state, effect, attemptId: null, sentTick: 0, answer: null },
  };
}

/** A code was just received, and nobody has looked at it yet. */
export function receivedCode({ workers, crashes, losses }: RedemptionSettings): RedemptionWorld {
  const record: AuthorizationRecord = {
    ...{ authorizationId: 'a', connectionId: 'c', incarnation: 'i', kind: 'authorization_code' },
    ...{ phase: 'received', acceptNewSubject: false, userCode: null, verificationUri: null },
    ...{ verificationUriComplete: null, intervalMs: 0, pollAfter: null, receivedAt: 0 },
    ...{ attempt: null, unknown: 0, createdAt: 0, expiresAt: 600_000, outcome: null, now: 0 },
  };
  return {
    ...{ tick: 0, record, exchanges: 0, sends: 0, revoked: false, epoch: 0, commits: 0 },
    ...{ attempts: 0, crashes, losses },
    workers: Array.from({ length: workers }, freshWorker),
  };
}

/** What of a world decides what can follow; workers are alike. */
export function keyOf(world: RedemptionWorld): string {
  const { tick, record, exchanges, sends, revoked, epoch, commits, crashes, losses } = world;
  const { phase, attempt, unknown } = record;
  const workers = world.workers.map(({ doing, state, effect, attemptId, sentTick, answer }) => {
    const read = state.record;
    const seen = [read?.phase, read?.attempt?.id === attempt?.id, read?.unknown, read?.now];
    const own = attemptId === null ? null : attemptId === attempt?.id;
    return [doing, effect, own, sentTick, answer, seen, state.refused, state.release]
      .map((part) => JSON.stringify(part, withoutRecord))
      .join();
  });
  const about = [tick, exchanges, sends, revoked, epoch, commits, crashes, losses];
  return [about, phase, attempt?.deadline, unknown, ...workers.sort()].join('|');
}

const withoutRecord = (name: string, value: unknown): unknown =>
  name === 'record' || name === 'replaces' ? undefined : value;

/** Every world that may follow. */
export function successors(
  world: RedemptionWorld,
  settings: RedemptionSettings,
): RedemptionWorld[] {
  const next: RedemptionWorld[] = [];
  world.workers.forEach((worker, index) => {
    if (worker.doing === 'ended') return;
    for (const change of changesOf(worker, world, settings)) {
      const copy = structuredClone(world);
      const own = copy.workers[index];
      if (own === undefined) continue;
      change(copy, own);
      next.push(copy);
    }
  });
  if (mayTick(world, settings)) {
    const later = structuredClone(world);
    later.tick += 1;
    next.push(later);
  }
  return next;
}

type Change = (world: RedemptionWorld, worker: Worker) => void;

function changesOf(worker: Worker, world: RedemptionWorld, settings: RedemptionSettings): Change[] {
  const changes: Change[] = [];
  if (world.crashes > 0) changes.push(crash);
  switch (worker.doing) {
    case 'acting':
      if (mayAct(worker, world)) changes.push(act);
      break;
    case 'in_flight':
      changes.push((there, own) => decide(there, own, settings));
      if (world.losses > 0) changes.push(loseRequest);
      break;
    case 'answered':
      changes.push(hear);
      if (world.losses > 0) changes.push(loseAnswer);
      break;
    case 'ended':
      break;
  }
  return changes;
}

/** Time stands still while somebody could act at once, unless a worker may stall. */
function mayTick(world: RedemptionWorld, { stalls, maxTicks }: RedemptionSettings): boolean {
  if (world.tick >= maxTicks) return false;
  if (world.workers.every(({ doing }) => doing === 'ended')) return false;
  return stalls || world.workers.every((worker) => !mayAct(worker, world));
}

function mayAct({ doing, effect }: Worker, { tick }: RedemptionWorld): boolean {
  if (doing === 'in_flight' || doing === 'answered') return true;
  if (doing === 'ended') return false;
  return effect.do !== 'wait' || tick * TICK_MS >= effect.until;
}

/** Temporal gives the activity to a worker again. */
function crash(world: RedemptionWorld, worker: Worker): void {
  world.crashes -= 1;
  Object.assign(worker, freshWorker());
}

function loseRequest(world: RedemptionWorld, worker: Worker): void {
  world.losses -= 1;
  step(world, worker, { type: 'failed', request: LOST });
}

function loseAnswer(world: RedemptionWorld, worker: Worker): void {
  world.losses -= 1;
  step(world, worker, { type: 'failed', request: LOST });
}

function decide(world: RedemptionWorld, worker: Worker, { reuse }: RedemptionSettings): void {
  const first = world.exchanges === 0;
  worker.doing = 'answered';
  worker.answer = first || reuse === 'takes' ? 'issued' : 'refused';
  if (worker.answer === 'issued') world.exchanges += 1;
  else if (reuse === 'revokes') world.revoked = true;
}

function hear(world: RedemptionWorld, worker: Worker): void {
  const issued = worker.answer === 'issued';
  step(world, worker, issued ? { type: 'captured' } : { type: 'failed', request: REFUSED });
}

function act(world: RedemptionWorld, worker: Worker): void {
  const event = carryOut(world, worker);
  if (event === 'sent') {
    worker.doing = 'in_flight';
    world.sends += 1;
  } else if (event !== null) step(world, worker, event);
}

function step(world: RedemptionWorld, worker: Worker, event: RedemptionEvent): void {
  worker.doing = 'acting';
  const { state, effect } = nextRedemptionStep(worker.state, event, 1);
  Object.assign(worker, { state, effect });
  if (effect.do === 'return' || (effect.do === 'fail' && effect.final)) worker.doing = 'ended';
  // Retried by Temporal.
  else if (effect.do === 'fail') Object.assign(worker, freshWorker());
}

const asRead = ({ record }: RedemptionWorld, { state, attemptId }: Worker): boolean => {
  if (attemptId !== null) return record.phase === 'redeeming' && record.attempt?.id === attemptId;
  const read = state.record;
  return (
    record.phase === read?.phase &&
    record.attempt?.id === read.attempt?.id &&
    record.unknown === read.unknown
  );
};

/** The store and the authorization server, as they answer an effect. */
function carryOut(world: RedemptionWorld, worker: Worker): RedemptionEvent | 'sent' | null {
  const { record } = world;
  const { effect } = worker;
  const now = world.tick * TICK_MS;
  switch (effect.do) {
    case 'read':
      return { type: 'read', record: { ...record, now }, incarnation: 'i', superseded: false };
    case 'wait':
      return { type: 'waited' };
    case 'plan':
      return { type: 'planned' };
    case 'write_intent': {
      if (!asRead(world, worker)) return { type: 'intent', written: false, late: false };
      world.attempts += 1;
      worker.attemptId = `attempt-${world.attempts}`;
      worker.sentTick = world.tick;
      if (record.attempt !== null) record.unknown += 1;
      record.phase = 'redeeming';
      const deadline = now + LEASE_TICKS * TICK_MS;
      record.attempt = { id: worker.attemptId, worker: 'w', sentAt: now, deadline };
      return { type: 'intent', written: true, late: false };
    }
    case 'send':
      // A request that would begin after the lease is not sent: the budget is measured.
      if (world.tick > worker.sentTick) return { type: 'intent', written: true, late: true };
      return 'sent';
    case 'store_answer':
      if (record.phase !== 'redeeming') return { type: 'stored' };
      record.phase = 'captured';
      return { type: 'stored' };
    case 'release': {
      const written = record.phase === 'redeeming' && record.attempt?.id === worker.attemptId;
      if (written) {
        Object.assign(record, {
          phase: 'received',
          attempt: null,
          unknown: effect.release.unknown,
        });
      }
      worker.attemptId = null;
      return { type: 'released', written };
    }
    case 'validate':
      return { type: 'valid' };
    case 'commit': {
      const written = record.phase === 'captured';
      if (written) {
        record.phase = 'done';
        record.attempt = null;
        world.epoch += 1;
        world.commits += 1;
      }
      return { type: 'committed', written };
    }
    case 'revoke_answer':
      return { type: 'revoked' };
    case 'end':
      if (asRead(world, worker)) {
        const outcome = { at: now, type: effect.type, epoch: null, generation: null };
        Object.assign(record, { phase: 'failed', attempt: null, outcome });
      }
      worker.attemptId = null;
      return { type: 'ended' };
    case 'return':
    case 'fail':
      return null;
  }
}
