import { keyOf } from './key.js';
import { freshWorker } from './steps.js';
import { successors } from './transitions.js';
import { dueRecord, isLive, type ExplorationSettings, type World } from './world.js';

/** What an exploration found. */
export interface Exploration {
  states: number;
  ends: number;
  /** Worlds the clock ran out in, not judged. */
  cutOff: number;
  /** Ends that break a rule although no rotated answer was lost. */
  bad: Record<string, number>;
  /** Ends without the grant after a rotated answer was lost, by how the record says it. */
  unavoidable: Record<string, number>;
}

/** Tries every order of everything that can happen. */
export function explore(settings: ExplorationSettings): Exploration {
  const first: World = {
    tick: 0,
    server: { current: 0, revoked: false, usedAt: [] },
    record: dueRecord(settings),
    stored: 0,
    kept: [],
    workers: Array.from({ length: settings.workers }, () => freshWorker()),
    ghosts: [],
    crashes: settings.crashes,
    losses: settings.losses,
    slows: settings.slows,
    lost: false,
    blindly: false,
  };
  const result: Exploration = { states: 0, ends: 0, cutOff: 0, bad: {}, unavoidable: {} };
  const seen = new Set<string>([keyOf(first, settings)]);
  const open: World[] = [first];
  for (let world = open.pop(); world !== undefined; world = open.pop()) {
    if (settings.stopAtFirstBad && Object.keys(result.bad).length > 0) break;
    result.states += 1;
    const next = successors(world, settings);
    if (next.length === 0) judge(world, settings, result);
    for (const candidate of next) {
      const key = keyOf(candidate, settings);
      if (seen.has(key)) continue;
      seen.add(key);
      open.push(candidate);
    }
  }
  return result;
}

const isWaiting = ({ workers }: World): boolean =>
  workers.some(({ phase }) => phase !== 'done' && phase !== 'dead');

function judge(world: World, settings: ExplorationSettings, result: Exploration): void {
  if (isWaiting(world) && world.tick >= settings.maxTicks) {
    result.cutOff += 1;
    return;
  }
  result.ends += 1;
  const verdict = verdictOf(world, settings);
  if (verdict === null) return;
  const into = world.lost && verdict !== 'presented blindly' ? result.unavoidable : result.bad;
  into[verdict] = (into[verdict] ?? 0) + 1;
}

/** What is wrong with a world in which nothing more happens; null: nothing. */
function verdictOf(world: World, { policy }: ExplorationSettings): string | null {
  if (world.blindly) return 'presented blindly';
  const live = isLive(world.server, world.stored, policy);
  const { state } = world.record;
  if (state === 'reauthorization_required') {
    return world.server.revoked ? 'declared dead, and is' : 'declared dead, and lives';
  }
  if (!live) return 'the record holds a dead refresh token';
  return isWaiting(world) ? 'somebody waits for ever' : null;
}
