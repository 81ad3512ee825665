/** What goes wrong, when and for how long: a pure function of the seed. */
import { createRandom, type Random } from './random.js';

/** The faults there are, with how often each comes and how long it lasts, in milliseconds. */
const FAULTS = {
  worker_killed: { weight: 6, from: 500, to: 4_000 },
  // Shorter than an attempt's deadline, mostly: whoever stands still longer may lose a strict grant.
  worker_stopped: { weight: 5, from: 500, to: 6_000 },
  mongodb_stepped_down: { weight: 3, from: 5_000, to: 10_000 },
  mongod_killed: { weight: 3, from: 2_000, to: 10_000 },
  mongod_delayed: { weight: 2, from: 2_000, to: 8_000 },
  mongod_cut: { weight: 2, from: 500, to: 3_000 },
  mongod_reset: { weight: 3, from: 0, to: 0 },
  mongod_stalled: { weight: 2, from: 1_000, to: 6_000 },
  temporal_delayed: { weight: 2, from: 2_000, to: 8_000 },
  temporal_cut: { weight: 1, from: 500, to: 3_000 },
  temporal_reset: { weight: 2, from: 0, to: 0 },
  temporal_refused: { weight: 2, from: 1_000, to: 6_000 },
  temporal_stalled: { weight: 2, from: 1_000, to: 15_000 },
  token_endpoint_delayed: { weight: 2, from: 2_000, to: 8_000 },
  token_endpoint_cut: { weight: 3, from: 1_000, to: 4_000 },
  token_endpoint_reset: { weight: 3, from: 0, to: 0 },
  token_endpoint_refused: { weight: 2, from: 1_000, to: 6_000 },
  token_endpoint_stalled: { weight: 2, from: 1_000, to: 6_000 },
  token_endpoint_trickles: { weight: 1, from: 2_000, to: 6_000 },
  answer_lost: { weight: 5, from: 0, to: 0 },
  answer_dropped: { weight: 4, from: 0, to: 0 },
  answer_500: { weight: 4, from: 0, to: 0 },
  answer_503_retry_after: { weight: 3, from: 0, to: 0 },
  answer_late: { weight: 4, from: 0, to: 0 },
  answer_garbage: { weight: 3, from: 0, to: 0 },
  answer_truncated: { weight: 3, from: 0, to: 0 },
  answer_byte_by_byte: { weight: 3, from: 0, to: 0 },
  answer_doubled: { weight: 3, from: 0, to: 0 },
  access_tokens_revoked: { weight: 4, from: 0, to: 0 },
} as const;

/** A fault's name. */
export type FaultKind = keyof typeof FAULTS;

/** One fault of a schedule. */
export interface ChaosFault {
  /** After the beginning, in milliseconds. */
  atMs: number;
  kind: FaultKind;
  /** Which worker, mongod or connection: by its number, modulo how many there are. */
  target: number;
  forMs: number;
}

const MEAN_PAUSE_MS = 2_500;
/** The first fault comes when tokens have been issued; the last one leaves time to take effect. */
const QUIET_MS = 2_000;

/** Every fault's name. */
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

/** The faults of a run, in order. */
export function makeSchedule(seed: number, minutes: number): ChaosFault[] {
  const random = createRandom(seed);
  const schedule: ChaosFault[] = [];
  const endMs = minutes * 60_000 - QUIET_MS;
  for (let atMs = QUIET_MS; ;) {
    atMs += Math.round(-Math.log(1 - random.next()) * MEAN_PAUSE_MS);
    if (atMs >= endMs) return schedule;
    const kind = pickKind(random);
    const { from, to } = FAULTS[kind];
    const target = random.between(0, 999);
    schedule.push({ atMs, kind, target, forMs: random.between(from, to) });
  }
}

function pickKind(random: Random): FaultKind {
  const total = FAULT_KINDS.reduce((sum, kind) => sum + FAULTS[kind].weight, 0);
  let left = random.next() * total;
  return FAULT_KINDS.find((kind) => (left -= FAULTS[kind].weight) < 0) ?? 'answer_lost';
}
