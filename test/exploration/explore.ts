import { freshWorker, successors } from './transitions.js';
import { expiredRecord, isLive, type ExplorationSettings, type World } from './world.js';

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
    record: expiredRecord(),
    stored: 0,
    workers: Array.from({ length: settings.workers }, () => freshWorker()),
    crashes: settings.crashes,
    losses: settings.losses,
    lost: false,
    blindly: false,
  };
  const result: Exploration = { states: 0, ends: 0, cutOff: 0, bad: {}, unavoidable: {} };
  const seen = new Set<string>([keyOf(first)]);
  const open: World[] = [first];
  for (let world = open.pop(); world !== undefined; world = open.pop()) {
    if (settings.stopAtFirstBad && Object.keys(result.bad).length > 0) break;
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
  const waits = world.workers.some(({ phase }) => phase !== 'done' && phase !== 'dead');
  if (waits && world.tick >= settings.maxTicks) {
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
  const waits = world.workers.some(({ phase }) => phase !== 'done' && phase !== 'dead');
  return waits ? 'somebody waits for ever' : null;
}

const PHASES = ['acting', 'in_flight', 'answered', 'received', 'done', 'dead', 'gone'];
const EFFECTS = [
  'read',
  'announce_takeover',
  'write_intent',
  'send',
  'commit',
  'commit_sibling',
  'end_attempt',
];

/** What of a world decides what can follow, in few characters: there are millions of them. */
function keyOf({
  tick,
  server,
  record,
  stored,
  workers,
  crashes,
  losses,
  lost,
  blindly,
}: World): string {
  const { generation, state, unknown, retryAt, attempt, issuedAt } = record;
  const parts: unknown[] = [
    tick,
    server.current,
    Number(server.revoked),
    server.usedAt.join(),
    stored,
    crashes,
    losses,
    Number(lost),
    Number(blindly),
  ];
  parts.push(
    generation,
    state.slice(0, 3),
    Math.min(unknown.length, 2),
    retryAt,
    attempt?.id,
    attempt?.deadline,
    attempt?.takeover?.at,
    issuedAt,
  );
  for (const worker of workers) {
    const { phase, effect, answer, machine } = worker;
    const idle = phase === 'done' || phase === 'dead';
    parts.push(PHASES.indexOf(phase));
    if (idle) continue;
    const seen = machine.record;
    parts.push(
      EFFECTS.indexOf(effect.do),
      worker.wakesAt > tick ? worker.wakesAt : 0,
      worker.attempt,
      worker.sentAt,
      worker.intents,
      worker.presents,
    );
    parts.push(
      answer === null ? '' : 'refused' in answer ? 'r' : answer.refreshToken,
      seen?.generation,
      seen?.attempt?.id,
      Math.min(seen?.unknown.length ?? 0, 1),
    );
    parts.push(
      effect.do === 'end_attempt' ? effect.end.outcome.state : '',
      effect.do === 'end_attempt' ? effect.end.outcome.retryInMs : '',
    );
  }
  return parts.join('|');
}
