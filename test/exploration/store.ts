/** What the store does with the machine's effects, as src/store does it. */
import { candidateLifeMs } from '../../src/contract/rotation-profile.js';
import type { RotationEvent } from '../../src/contract/rotation-steps.js';
import type { TokenRecord, UnknownOutcome } from '../../src/contract/token-record.js';
import { proceed, withWorker } from './steps.js';
import {
  BUDGET_TICKS,
  TICK_MS,
  rotationOf,
  type ExplorationSettings,
  type World,
  type WorkerState,
} from './world.js';

type Operation = (
  world: World,
  worker: WorkerState,
  index: number,
  settings: ExplorationSettings,
) => World;

/** Which intent is a worker's own. */
export const ownId = (worker: WorkerState, index: number): string =>
  `w${index}.${worker.intents - 1}`;

const nowOf = (world: World): number => world.tick * TICK_MS;

/** What a worker sees: the record, and the refresh tokens in it. */
export const read: Operation = (world, worker, index, settings) => {
  const now = nowOf(world);
  const record: TokenRecord = { ...world.record, now };
  const keptSince = now - candidateLifeMs(rotationOf(settings));
  const candidates = world.kept.filter((token, at) => {
    const candidate = record.candidates[at];
    return candidate !== undefined && candidate.at > keptSince && token !== world.stored;
  });
  const holds = [world.stored, ...candidates.slice(-2).reverse()];
  const next = proceed({ ...worker, holds }, { type: 'read', record }, world.tick, settings);
  return withWorker(world, index, next);
};

/** Rule R2. */
export const announceTakeover: Operation = (world, worker, index, settings) => {
  const { effect } = worker;
  if (effect.do !== 'announce_takeover') throw new TypeError('nothing to announce');
  const { record } = world;
  const { attempt } = record;
  const mine = attempt !== null && attempt.id === effect.attemptId && attempt.takeover === null;
  const next: TokenRecord = mine
    ? {
        ...record,
        attempt: { ...attempt, takeover: { by: `w${index}`, at: nowOf(world) } },
        state: effect.atRisk ? 'at_risk' : record.state,
      }
    : record;
  const after = proceed(worker, { type: 'takeover_announced' }, world.tick, settings);
  return withWorker({ ...world, record: next }, index, after);
};

const unknownOutcome = (
  attemptId: string,
  sentAt: number,
  at: number,
  mayStillRun: boolean,
): UnknownOutcome => ({ attemptId, sentAt, at, type: 'OAuth.unreachable', mayStillRun });

/** Whether nothing happened to a record that changes what may be sent. */
export const isAsRead = (record: TokenRecord, seen: TokenRecord): boolean =>
  record.generation === seen.generation && record.failures === seen.failures;

/** Step S2. */
export const writeIntent: Operation = (world, worker, index, settings) => {
  const { effect } = worker;
  if (effect.do !== 'write_intent') throw new TypeError('not an intent');
  const now = nowOf(world);
  const { record } = world;
  const { replaces } = effect;
  const free = replaces === null ? record.attempt === null : record.attempt?.id === replaces.id;
  const alive = record.state === 'active' || record.state === 'at_risk';
  const same = isAsRead(record, effect.record);
  const written = free && alive && same;
  const id = `w${index}.${worker.intents}`;
  const unknown =
    replaces?.outcomeUnknown === true
      ? [...record.unknown, unknownOutcome(replaces.id, record.attempt?.sentAt ?? now, now, false)]
      : record.unknown;
  const next: TokenRecord = written
    ? {
        ...record,
        unknown,
        state: replaces?.atRisk === true ? 'at_risk' : record.state,
        attempt: {
          ...{ id, parentGeneration: record.generation, worker: `w${index}`, sentAt: now },
          deadline: now + BUDGET_TICKS * TICK_MS,
          takeover: null,
        },
      }
    : record;
  const owner = written ? { ...worker, sentAt: world.tick, intents: worker.intents + 1 } : worker;
  const event: RotationEvent = { type: 'intent', written, late: false };
  const after = proceed(owner, event, world.tick, settings);
  return withWorker({ ...world, record: next }, index, after);
};

/** Step S7 and rule R8. The model keeps in `issuedAt` when the committed request was sent. */
export const commit: Operation = (world, worker, index, settings) => {
  const { record } = world;
  const { effect, answer } = worker;
  if (effect.do !== 'commit' && effect.do !== 'commit_sibling') throw new TypeError('no commit');
  if (answer === null || !('refreshToken' in answer)) throw new TypeError('nothing to commit');
  const parent = effect.record.generation;
  const sibling = effect.do === 'commit_sibling';
  // One refresh is explored, so everything after the parent is a sibling.
  const isSibling = record.generation > parent;
  const sentBefore = isSibling && (record.issuedAt ?? 0) < worker.sentAt;
  const ownLease =
    record.attempt?.id === ownId(worker, index) && nowOf(world) < record.attempt.deadline;
  const fits = sibling
    ? record.generation === effect.generation && sentBefore
    : record.generation === parent;
  const fenced = settings.variant === 'lease_fenced_commit' && !sibling && !ownLease;
  if (fits && !fenced) return committed(world, worker, index, settings);
  const older = sentBefore && settings.variant !== 'first_writer_wins';
  const event: RotationEvent = older
    ? { type: 'committed', result: 'older_sibling', generation: record.generation }
    : { type: 'committed', result: 'moved' };
  const keeps = !older && isSibling && settings.variant === 'real';
  const next = keeps ? withCandidate(world, answer.refreshToken, ownId(worker, index)) : world;
  return withWorker(next, index, proceed(worker, event, world.tick, settings));
};

const committed: Operation = (world, worker, index, settings) => {
  const { effect, answer } = worker;
  if (answer === null || !('refreshToken' in answer)) throw new TypeError('nothing to commit');
  const now = nowOf(world);
  const base: World =
    effect.do === 'commit_sibling'
      ? withCandidate(world, world.stored, 'sibling')
      : { ...world, kept: [], record: { ...world.record, candidates: [] } };
  const next: TokenRecord = {
    ...base.record,
    generation: base.record.generation + 1,
    state: 'active',
    attempt: null,
    unknown: [],
    failures: 0,
    retryAt: null,
    issuedAt: worker.sentAt,
    expiresAt: now + 1_000 * TICK_MS,
    refreshAfter: now + 900 * TICK_MS,
    lifetimeMs: 1_000 * TICK_MS,
  };
  const after = proceed(worker, { type: 'committed', result: 'mine' }, world.tick, settings);
  return withWorker({ ...base, record: next, stored: answer.refreshToken }, index, after);
};

function withCandidate(world: World, refreshToken: number, attemptId: string): World {
  const { record, kept } = world;
  const candidate = { attemptId, generation: record.generation, at: nowOf(world) };
  const dead = record.state === 'reauthorization_required';
  return {
    ...world,
    kept: [...kept, refreshToken],
    record: {
      ...record,
      candidates: [...record.candidates, candidate],
      state: dead ? 'at_risk' : record.state,
    },
  };
}

/** Rules R0 and R7. */
export const endAttempt: Operation = (world, worker, index, settings) => {
  const { record } = world;
  const { effect } = worker;
  if (effect.do !== 'end_attempt') throw new TypeError('nothing to end');
  const { outcome } = effect.end;
  const dies = outcome.state === 'reauthorization_required';
  const own =
    record.generation === effect.record.generation &&
    record.attempt?.id === ownId(worker, index) &&
    (!dies || record.candidates.length <= effect.record.candidates.length);
  const recorded = own || (settings.variant === 'loser_marks_dead' && dies);
  const now = nowOf(world);
  const id = ownId(worker, index);
  const entry = unknownOutcome(id, worker.sentAt * TICK_MS, now, outcome.mayStillRun);
  const safeAgain = record.state === 'at_risk' && record.unknown.length === 0;
  const next: TokenRecord = recorded
    ? {
        ...record,
        attempt: null,
        failures: record.failures + 1,
        retryAt: outcome.retryInMs === null ? null : now + outcome.retryInMs,
        state: outcome.state ?? (safeAgain && !outcome.outcomeUnknown ? 'active' : record.state),
        unknown: outcome.outcomeUnknown ? [...record.unknown, entry] : record.unknown,
      }
    : record;
  const after = proceed(worker, { type: 'ended', recorded }, world.tick, settings);
  return withWorker({ ...world, record: next }, index, after);
};
