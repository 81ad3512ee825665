import type { RotationEvent } from '../../src/contract/rotation-steps.js';
import { proceed, withWorker } from './steps.js';
import { announceTakeover, commit, endAttempt, read, writeIntent } from './store.js';
import {
  BUDGET_TICKS,
  REQUEST_TICKS,
  SLOW_TICKS,
  serve,
  type ExplorationSettings,
  type World,
  type WorkerState,
} from './world.js';

/** Every world that can follow, by one transition. */
export function successors(world: World, settings: ExplorationSettings): World[] {
  const next: World[] = [];
  if (mayTick(world, settings)) next.push(tick(world));
  world.ghosts.forEach((ghost, index) => {
    const { server, answer } = serve(world.server, ghost.presents, world.tick, settings);
    const ghosts = world.ghosts.filter((_, other) => other !== index);
    const lost = world.lost || isRotated(answer, ghost.presents);
    next.push({ ...world, server, ghosts, lost });
  });
  world.workers.forEach((worker, index) => {
    next.push(...moves(world, worker, index, settings));
    if (world.crashes > 0 && isAlive(worker)) next.push(crash(world, worker, index));
  });
  return next;
}

/** A request that the server has given up is never acted on. */
function tick(world: World): World {
  const now = world.tick + 1;
  return { ...world, tick: now, ghosts: world.ghosts.filter(({ until }) => until >= now) };
}

const isRotated = (answer: WorkerState['answer'], presented: number): boolean =>
  answer !== null && 'refreshToken' in answer && answer.refreshToken !== presented;

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
  const lost =
    isRotated(worker.answer, worker.presents) &&
    (worker.phase === 'answered' || holdsAnswer(worker));
  // A request in flight still reaches the server: its answer goes nowhere.
  const phase = worker.phase === 'in_flight' ? 'gone' : 'dead';
  return withWorker({ ...world, crashes: world.crashes - 1, lost: world.lost || lost }, index, {
    ...worker,
    phase,
  });
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
      return answerTravels(world, worker, index, settings);
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
  if (worker.phase === 'gone') {
    const lost = world.lost || isRotated(answer, worker.presents);
    return [withWorker({ ...world, server, lost }, index, { ...worker, phase: 'dead' })];
  }
  const acts = withWorker({ ...world, server }, index, { ...worker, phase: 'answered', answer });
  const timesOut = world.slows > 0 && world.tick - worker.sentAt >= REQUEST_TICKS;
  return timesOut ? [acts, giveUp(world, worker, index, settings)] : [acts];
}

/** The worker's own time is over; the server may still act on the request. */
function giveUp(
  world: World,
  worker: WorkerState,
  index: number,
  settings: ExplorationSettings,
): World {
  const mayStillRun = settings.variant !== 'no_settling';
  const ghosts = [...world.ghosts, { presents: worker.presents, until: world.tick + SLOW_TICKS }];
  const after = proceed(worker, unheard(mayStillRun), world.tick, settings);
  return withWorker({ ...world, ghosts, slows: world.slows - 1 }, index, after);
}

const unheard = (mayStillRun: boolean): RotationEvent => ({
  type: 'failed',
  request: { certainty: 'unknown', code: 'unreachable', retryAfterMs: null, mayStillRun },
});

function answerTravels(
  world: World,
  worker: WorkerState,
  index: number,
  settings: ExplorationSettings,
): World[] {
  const arrived = withWorker(world, index, { ...worker, phase: 'received' });
  if (world.losses === 0) return [arrived];
  const lost = world.lost || isRotated(worker.answer, worker.presents);
  const after = proceed({ ...worker, answer: null }, unheard(false), world.tick, settings);
  return [arrived, withWorker({ ...world, losses: world.losses - 1, lost }, index, after)];
}

/** Carries out the effect a worker's machine asks for. */
function act(
  world: World,
  worker: WorkerState,
  index: number,
  settings: ExplorationSettings,
): World {
  if (worker.phase === 'received') {
    const { answer } = worker;
    const refused = answer === null || 'refused' in answer;
    const event: RotationEvent = refused
      ? {
          type: 'failed',
          request: {
            ...{ certainty: 'rejected', code: 'invalid_grant', retryAfterMs: null },
            mayStillRun: false,
          },
        }
      : { type: 'captured' };
    return withWorker(world, index, proceed(worker, event, world.tick, settings));
  }
  const { effect } = worker;
  switch (effect.do) {
    case 'read':
      return read(world, worker, index, settings);
    case 'announce_takeover':
      return announceTakeover(world, worker, index, settings);
    case 'write_intent':
      return writeIntent(world, worker, index, settings);
    case 'send':
      return send(world, worker, index, settings);
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

function send(
  world: World,
  worker: WorkerState,
  index: number,
  settings: ExplorationSettings,
): World {
  const { effect } = worker;
  if (effect.do !== 'send') throw new TypeError('nothing to send');
  const presents = worker.holds[effect.request];
  if (presents === undefined) throw new TypeError('no such refresh token');
  const blindly = world.blindly || presentsBlindly(world, presents, settings);
  return withWorker({ ...world, blindly }, index, { ...worker, presents, phase: 'in_flight' });
}

/** Whether the same refresh token went out before without an unknown outcome or a takeover. */
function presentsBlindly(
  { server, record, stored }: World,
  presents: number,
  { policy }: ExplorationSettings,
): boolean {
  if (policy === 'none' || presents !== stored) return false;
  const usedBefore = (server.usedAt[presents] ?? -1) >= 0;
  return usedBefore && record.unknown.length === 0;
}
