import { isInGrace, type RotationProfile } from '../../src/contract/rotation-profile.js';
import { isAsRead, ownId } from './store.js';
import { rotationOf, type ExplorationSettings, type World, type WorkerState } from './world.js';

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

/**
 * What of a world decides what can follow, in few characters: there are millions of them. Workers
 * are alike, so their order and the names of their intents do not matter; only whose intent stands
 * in the record does.
 */
export function keyOf(world: World, settings: ExplorationSettings): string {
  const rotation = rotationOf(settings);
  const { tick, server, record, stored, kept, ghosts, crashes, losses, slows } = world;
  const { generation, state, unknown, retryAt, attempt, issuedAt, candidates } = record;
  const workers = world.workers.map((worker, index) => workerKey(world, worker, index, rotation));
  return [
    tick,
    server.current,
    Number(server.revoked),
    server.usedAt.join(),
    stored,
    kept.join(),
    candidates.map(({ at }) => at).join(),
    ghosts.map(({ presents, until }) => `${presents}:${until}`).join(),
    `${crashes}${losses}${slows}${Number(world.lost)}${Number(world.blindly)}`,
    generation,
    state.slice(0, 3),
    Math.min(unknown.length, 2),
    typeof rotation === 'object' && rotation !== null ? unknown[0]?.sentAt : '',
    unknown.findLast(({ mayStillRun }) => mayStillRun)?.at,
    retryAt,
    attempt?.sentAt,
    attempt?.takeover?.at,
    issuedAt,
    workers.sort().join(';'),
  ].join('|');
}

function workerKey(
  { tick, record }: World,
  worker: WorkerState,
  index: number,
  rotation: RotationProfile,
): string {
  const { phase, effect, machine } = worker;
  const idle = phase === 'done' || phase === 'dead';
  if (idle) return phase;
  if (phase === 'gone') return `gone ${worker.sentAt} ${worker.presents}`;
  const wakesAt = worker.wakesAt > tick ? worker.wakesAt : 0;
  if (phase === 'acting' && effect.do === 'read') {
    return `read ${wakesAt} ${worker.attempt} ${Number(machine.resent)}`;
  }
  const seen = machine.record;
  const isSending = effect.do !== 'announce_takeover' && effect.do !== 'write_intent';
  const own = record.attempt?.id === ownId(worker, index);
  return [
    PHASES.indexOf(phase),
    EFFECTS.indexOf(effect.do),
    wakesAt,
    worker.attempt,
    isSending ? worker.sentAt : '',
    isSending ? Number(own) : '',
    isSending ? worker.presents : '',
    worker.holds.join(),
    answerKey(worker.answer),
    effectKey(worker, record),
    `${machine.request}${machine.fallbacks}${Number(machine.resent)}`,
    seen === null ? '' : seenKey(seen, rotation),
  ].join(' ');
}

function answerKey(answer: WorkerState['answer']): string | number {
  if (answer === null) return '';
  return 'refused' in answer ? 'r' : answer.refreshToken;
}

function seenKey(seen: World['record'], rotation: RotationProfile): string {
  const { generation, unknown, attempt } = seen;
  const grace = Number(isInGrace(seen, rotation));
  return `${generation},${Math.min(unknown.length, 1)},${Number(attempt !== null)},${grace}`;
}

/** An intent's name never comes back, so only whether it stands in the record now matters. */
function effectKey({ effect }: WorkerState, record: World['record']): string {
  const current = record.attempt?.id;
  switch (effect.do) {
    case 'announce_takeover':
      return String(effect.attemptId === current);
    case 'write_intent':
      if (!isAsRead(record, effect.record)) return 'late';
      return effect.replaces === null ? 'free' : String(effect.replaces.id === current);
    case 'commit_sibling':
      return String(effect.generation);
    case 'end_attempt': {
      const { state, retryInMs, resend, mayStillRun } = effect.end.outcome;
      return `${state},${retryInMs},${resend},${mayStillRun}`;
    }
    default:
      return '';
  }
}
