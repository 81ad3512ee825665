import { nextRotationStep, startRotation } from '../../src/contract/rotation.js';
import type { RotationEvent, RotationFacts } from '../../src/contract/rotation-steps.js';
import {
  TICK_MS,
  rotationOf,
  type ExplorationSettings,
  type World,
  type WorkerState,
} from './world.js';

/** A worker before its activity begins. */
export function freshWorker(attempt = 1, wakesAt = 0): WorkerState {
  const { state, effect } = startRotation();
  return {
    ...{ machine: state, effect, attempt, wakesAt, sentAt: 0, intents: 0, holds: [], presents: 0 },
    phase: 'acting',
    answer: null,
  };
}

const facts = (worker: WorkerState, settings: ExplorationSettings): RotationFacts => ({
  input: { epoch: 1, generation: 1, minValidMs: 0, reason: 'expired' },
  grantType: 'refresh_token',
  rotation: rotationOf(settings),
  attempt: worker.attempt,
});

/** A world with one worker replaced. */
export function withWorker(world: World, index: number, worker: WorkerState): World {
  const workers = [...world.workers];
  workers[index] = worker;
  return { ...world, workers };
}

/**
 * The machine takes an event and says what to do next. What touches nothing that others see is done
 * at once: an order among such steps makes no difference.
 */
export function proceed(
  worker: WorkerState,
  event: RotationEvent,
  tick: number,
  settings: ExplorationSettings,
): WorkerState {
  const { state, effect } = nextRotationStep(worker.machine, event, facts(worker, settings));
  const next: WorkerState = { ...worker, machine: state, effect, phase: 'acting' };
  switch (effect.do) {
    case 'plan': {
      const planned: RotationEvent = {
        ...{ type: 'planned', usesRefreshToken: true, fallbacks: worker.holds.length - 1 },
      };
      return proceed(next, planned, tick, settings);
    }
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
