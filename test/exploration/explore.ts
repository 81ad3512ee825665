import { freshWorker, successors } from './transitions.js';
import { expiredRecord, isLive, type ExplorationSettings, type World } from './world.js';

/** What an exploration found. */
export interface Exploration {
  states: number;
  ends: number;
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
    record: expiredRecord(),
    stored: 0,
    workers: Array.from({ length: settings.workers }, () => freshWorker()),
    crashes: settings.crashes,
    losses: settings.losses,
    lost: false,
    blindly: false,
  };
  const result: Exploration = { states: 0, ends: 0, bad: {}, unavoidable: {} };
  const seen = new Set<string>([keyOf(first)]);
  const open: World[] = [first];
  for (let world = open.pop(); world !== undefined; world = open.pop()) {
    result.states += 1;
    const next = successors(world, settings);
    if (next.length === 0) judge(world, settings, result);
    for (const candidate of next) {
      const key = keyOf(candidate);
      if (seen.has(key)) continue;
      seen.add(key);
      open.push(candidate);
    }
  }
  return result;
}

function judge(world: World, settings: ExplorationSettings, result: Exploration): void {
  result.ends += 1;
  const verdict = verdictOf(world, settings);
  if (verdict === null) return;
  const into = world.lost && verdict !== 'presented blindly' ? result.unavoidable : result.bad;
  into[verdict] = (into[verdict] ?? 0) + 1;
}

/** What is wrong with a world in which nothing more happens; null: nothing. */
function verdictOf(world: World, { policy, maxTicks }: ExplorationSettings): string | null {
  if (world.blindly) return 'presented blindly';
  const live = isLive(world.server, world.stored, policy);
  const { state } = world.record;
  if (state === 'reauthorization_required') {
    return world.server.revoked ? 'declared dead, and is' : 'declared dead, and lives';
  }
  if (!live) return 'the record holds a dead refresh token';
  const waits = world.workers.some((worker) => worker.phase !== 'done' && worker.phase !== 'dead');
  return waits && world.tick < maxTicks ? 'somebody waits for ever' : null;
}

/** What of a world decides what can follow. Workers are alike, so their order does not matter. */
function keyOf(world: World): string {
  const workers = world.workers.map((worker) => JSON.stringify(worker));
  return JSON.stringify([{ ...world, workers: null }, workers]);
}
