import {
  nextRotationStep,
  startRotation,
  type RotationEvent,
  type RotationFacts,
} from '../../src/contract/rotation.js';
import type { TokenRecord } from '../../src/contract/token-record.js';
import {
  BUDGET_TICKS,
  REQUEST_TICKS,
  TICK_MS,
  serve,
  type ExplorationSettings,
  type World,
  type WorkerState,
} from './world.js';

/** A worker before its activity begins. */
export function freshWorker(attempt = 1, wakesAt = 0): WorkerState {
  const { state, effect } = startRotation();
  return {
    ...{ machine: state, effect, attempt, wakesAt, sentAt: 0, intents: 0, presents: 0 },
    phase: 'acting',
    answer: null,
  };
}

const facts = (worker: WorkerState): RotationFacts => ({
  input: { epoch: 1, generation: 1, minValidMs: 0, reason: 'expired' },
  grantType: 'refresh_token',
  attempt: worker.attempt,
});

/** Every world that can follow, by one transition. */
export function successors(world: World, settings: ExplorationSettings): World[] {
  const next: World[] = [];
  if (mayTick(world, settings)) next.push({ ...world, tick: world.tick + 1 });
  world.workers.forEach((worker, index) => {
    next.push(...moves(world, worker, index, settings));
    if (world.crashes > 0 && isAlive(worker)) next.push(crash(world, worker, index));
  });
  return next;
}

const isAlive = ({ phase }: WorkerState): boolean =>
  phase !== 'dead' && phase !== 'gone' && phase !== 'done';

/** Without stalls a worker acts on an answer, and an answer arrives, before its limits are over. */
function mayTick(world: World, settings: ExplorationSettings): boolean {
  if (world.tick >= settings.maxTicks) return false;
  return world.workers.every((worker) => {
    const ticks = world.tick - worker.sentAt;
    if (worker.phase === 'in_flight' || worker.phase === 'gone') return ticks < REQUEST_TICKS;
    if (worker.phase === 'acting' && worker.effect.do === 'send') return ticks < 1;
    if (settings.stalls) return true;
    if (worker.phase === 'answered') return ticks < REQUEST_TICKS;
    return !holdsAnswer(worker) || ticks < BUDGET_TICKS - 1;
  });
}

/** Between the last byte of an answer and what is written because of it. */
function holdsAnswer({ phase, effect }: WorkerState): boolean {
  if (phase === 'received') return true;
  return phase === 'acting' && ['commit', 'commit_sibling', 'end_attempt'].includes(effect.do);
}

function crash(world: World, worker: WorkerState, index: number): World {
  const rotated = worker.answer !== null && 'refreshToken' in worker.answer;
  const lost = rotated && (worker.phase === 'answered' || holdsAnswer(worker));
  // A request in flight still reaches the server: its answer goes nowhere.
  const phase = worker.phase === 'in_flight' ? 'gone' : 'dead';
  return withWorker({ ...world, crashes: world.crashes - 1, lost: world.lost || lost }, index, {
    ...worker,
    phase,
  });
}

function withWorker(world: World, index: number, worker: WorkerState): World {
  const workers = [...world.workers];
  workers[index] = worker;
  return { ...world, workers };
}

function moves(
  world: World,
  worker: WorkerState,
  index: number,
  settings: ExplorationSettings,
): World[] {
  switch (worker.phase) {
    case 'done':
    case 'dead':
      return [];
    case 'gone':
    case 'in_flight':
      return serverActs(world, worker, index, settings);
    case 'answered':
      return answerTravels(world, worker, index);
    case 'received':
    case 'acting':
      return world.tick < worker.wakesAt ? [] : [act(world, worker, index, settings)];
  }
}

function serverActs(
  world: World,
  worker: WorkerState,
  index: number,
  settings: ExplorationSettings,
): World[] {
  const { server, answer } = serve(world.server, worker.presents, world.tick, settings);
  const rotated = 'refreshToken' in answer && answer.refreshToken !== worker.presents;
  if (worker.phase === 'gone') {
    const lost = world.lost || rotated;
    return [withWorker({ ...world, server, lost }, index, { ...worker, phase: 'dead' })];
  }
  return [withWorker({ ...world, server }, index, { ...worker, phase: 'answered', answer })];
}

function answerTravels(world: World, worker: WorkerState, index: number): World[] {
  const arrived = withWorker(world, index, { ...worker, phase: 'received' });
  if (world.losses === 0) return [arrived];
  const rotated =
    worker.answer !== null &&
    'refreshToken' in worker.answer &&
    worker.answer.refreshToken !== worker.presents;
  const lossy = { ...world, losses: world.losses - 1, lost: world.lost || rotated };
  const event: RotationEvent = {
    type: 'failed',
    request: { certainty: 'unknown', code: 'unreachable', retryAfterMs: null },
  };
  return [
    arrived,
    withWorker(lossy, index, proceed({ ...worker, answer: null }, event, world.tick)),
  ];
}

/**
 * The machine takes an event and says what to do next. What touches nothing that others see is done
 * at once: an order among such steps makes no difference.
 */
function proceed(worker: WorkerState, event: RotationEvent, tick: number): WorkerState {
  const { state, effect } = nextRotationStep(worker.machine, event, facts(worker));
  const next: WorkerState = { ...worker, machine: state, effect, phase: 'acting' };
  switch (effect.do) {
    case 'plan':
      return proceed(next, { type: 'planned', usesRefreshToken: true, hasFallback: false }, tick);
    case 'wait':
      return restarted(next, worker.attempt, Math.ceil(effect.until / TICK_MS), tick);
    case 'return':
      return { ...next, phase: 'done' };
    case 'fail':
      return effect.final
        ? { ...next, phase: 'done' }
        : restarted(
            next,
            worker.attempt + 1,
            tick + Math.ceil((effect.retryInMs ?? 0) / TICK_MS),
            tick,
          );
    default:
      return next;
  }
}

/** Temporal runs the activity again. */
function restarted(
  { intents }: WorkerState,
  attempt: number,
  at: number,
  tick: number,
): WorkerState {
  return { ...freshWorker(Math.min(attempt, 3), Math.max(at, tick + 1)), intents };
}

/** Carries out the effect a worker's machine asks for. */
function act(
  world: World,
  worker: WorkerState,
  index: number,
  settings: ExplorationSettings,
): World {
  const now = world.tick * TICK_MS;
  const record: TokenRecord = { ...world.record, now };
  const set = (changes: Partial<World>, next: WorkerState): World =>
    withWorker({ ...world, ...changes }, index, next);
  if (worker.phase === 'received') {
    const { answer } = worker;
    const refused = answer === null || 'refused' in answer;
    const event: RotationEvent = refused
      ? {
          type: 'failed',
          request: { certainty: 'rejected', code: 'invalid_grant', retryAfterMs: null },
        }
      : { type: 'captured' };
    return set({}, proceed(worker, event, world.tick));
  }
  const { effect } = worker;
  switch (effect.do) {
    case 'read':
      return set(
        {},
        proceed({ ...worker, presents: world.stored }, { type: 'read', record }, world.tick),
      );
    case 'announce_takeover': {
      const { attempt } = record;
      const mine = attempt?.id === effect.attemptId && attempt.takeover === null;
      const next = mine
        ? { ...record, attempt: { ...attempt, takeover: { by: `w${index}`, at: now } } }
        : record;
      return set({ record: next }, proceed(worker, { type: 'takeover_announced' }, world.tick));
    }
    case 'write_intent':
      return writeIntent(world, worker, index);
    case 'send': {
      if (world.tick - worker.sentAt > 1) return set({}, worker);
      const blindly = world.blindly || presentsBlindly(world, worker, settings);
      return set({ blindly }, { ...worker, phase: 'in_flight' });
    }
    case 'commit':
    case 'commit_sibling':
      return commit(world, worker, index, settings);
    case 'end_attempt':
      return endAttempt(world, worker, index, settings);
    case 'plan':
    case 'wait':
    case 'return':
    case 'fail':
      throw new TypeError('done at once');
  }
}

/** Whether the same refresh token went out before without an unknown outcome or a takeover. */
function presentsBlindly(
  world: World,
  worker: WorkerState,
  { policy }: ExplorationSettings,
): boolean {
  if (policy === 'none') return false;
  const usedBefore = (world.server.usedAt[worker.presents] ?? -1) >= 0;
  return usedBefore && world.record.unknown.length === 0 && world.record.generation === 1;
}

function writeIntent(world: World, worker: WorkerState, index: number): World {
  const { effect } = worker;
  if (effect.do !== 'write_intent') throw new TypeError('not an intent');
  const now = world.tick * TICK_MS;
  const { record } = world;
  const free =
    effect.replaces === null ? record.attempt === null : record.attempt?.id === effect.replaces.id;
  const alive = record.state === 'active' || record.state === 'at_risk';
  const written = free && alive && record.generation === effect.record.generation;
  const id = `w${index}.${worker.intents}`;
  const replaced = effect.replaces;
  const unknown =
    replaced?.outcomeUnknown === true
      ? [...record.unknown, { attemptId: replaced.id, at: now, type: 'OAuth.unreachable' }]
      : record.unknown;
  const next: TokenRecord = written
    ? {
        ...record,
        unknown,
        state: unknown.length > 0 ? 'at_risk' : record.state,
        attempt: {
          ...{ id, parentGeneration: record.generation, worker: `w${index}`, sentAt: now },
          deadline: now + BUDGET_TICKS * TICK_MS,
          takeover: null,
        },
      }
    : record;
  const owner = written ? { ...worker, sentAt: world.tick, intents: worker.intents + 1 } : worker;
  const event: RotationEvent = { type: 'intent', written, late: false };
  return withWorker({ ...world, record: next }, index, proceed(owner, event, world.tick));
}

const ownId = (worker: WorkerState, index: number): string => `w${index}.${worker.intents - 1}`;

function commit(
  world: World,
  worker: WorkerState,
  index: number,
  { variant }: ExplorationSettings,
): World {
  const { record } = world;
  const { effect, answer } = worker;
  if (answer === null || !('refreshToken' in answer)) throw new TypeError('nothing to commit');
  const sibling = effect.do === 'commit_sibling';
  const ownLease =
    record.attempt?.id === ownId(worker, index) && world.tick * TICK_MS < record.attempt.deadline;
  const fits = sibling
    ? record.generation === 2 && siblingSentAt(record) < worker.sentAt
    : record.generation === 1;
  const allowed = variant === 'lease_fenced_commit' ? fits && (sibling || ownLease) : fits;
  if (!allowed) {
    const older =
      !sibling &&
      variant !== 'first_writer_wins' &&
      record.generation === 2 &&
      siblingSentAt(record) < worker.sentAt;
    const result = older ? 'older_sibling' : 'moved';
    return withWorker(world, index, proceed(worker, { type: 'committed', result }, world.tick));
  }
  const now = world.tick * TICK_MS;
  const next: TokenRecord = {
    ...record,
    generation: record.generation + 1,
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
  const committed = { ...world, record: next, stored: answer.refreshToken };
  return withWorker(
    committed,
    index,
    proceed(worker, { type: 'committed', result: 'mine' }, world.tick),
  );
}

/** The model keeps in `issuedAt` when the committed request was sent. */
const siblingSentAt = (record: TokenRecord): number => record.issuedAt ?? 0;

function endAttempt(
  world: World,
  worker: WorkerState,
  index: number,
  { variant }: ExplorationSettings,
): World {
  const { record } = world;
  const { effect } = worker;
  if (effect.do !== 'end_attempt') throw new TypeError('nothing to end');
  const { outcome } = effect.end;
  const own = record.generation === 1 && record.attempt?.id === ownId(worker, index);
  const recorded =
    own || (variant === 'loser_marks_dead' && outcome.state === 'reauthorization_required');
  const now = world.tick * TICK_MS;
  const next: TokenRecord = recorded
    ? {
        ...record,
        attempt: null,
        failures: record.failures + 1,
        retryAt: outcome.retryInMs === null ? null : now + outcome.retryInMs,
        state: outcome.state ?? record.state,
        unknown: outcome.outcomeUnknown
          ? [...record.unknown, { attemptId: ownId(worker, index), at: now, type: outcome.type }]
          : record.unknown,
      }
    : record;
  return withWorker(
    { ...world, record: next },
    index,
    proceed(worker, { type: 'ended', recorded }, world.tick),
  );
}
