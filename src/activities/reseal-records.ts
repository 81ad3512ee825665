import { activityInfo, cancellationSignal, heartbeat, log } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import {
  nextPlace,
  type ResealCursor,
  type ResealRecordsInput,
  type ResealRecordsResult,
} from '../contract/key-rotation.js';
import { toFailure } from '../failures.js';
import {
  prepareSealerOf,
  resealPage,
  type ResealedPage,
  type ResealParts,
} from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';

/** A slice ends soon after this, so that the run shows progress and a killed worker costs little. */
const SLICE_MS = 10_000;
/** Between two pages whatever else the worker does has its turn. */
const PAGE = 50;

/**
 * Makes the activity that seals a slice of the records with the keys of today. Safe to run twice:
 * what is done already is not found again, and every write is compare-and-set.
 */
export function createResealRecords(dependencies: IssueDependencies) {
  return async function resealRecords(input: ResealRecordsInput): Promise<ResealRecordsResult> {
    try {
      return await resealSlice(dependencies, input);
    } catch (error) {
      throw toFailure(error);
    }
  };
}

async function resealSlice(
  { database, keys }: IssueDependencies,
  { active, stale, cursor }: ResealRecordsInput,
): Promise<ResealRecordsResult> {
  const [access, grant] = await Promise.all([
    prepareSealerOf(keys, 'access', active.access),
    prepareSealerOf(keys, 'grant', active.grant),
  ]);
  const parts: ResealParts = { database, keys, sealers: { access, grant }, stale: new Set(stale) };
  const startedAt = performance.now();
  const done = countedBefore();
  const before = done.resealed;
  let place: ResealCursor | null = cursor ?? nextPlace(stale, null);
  while (place !== null && performance.now() - startedAt < SLICE_MS) {
    // Between two pages nothing is half done.
    if (cancellationSignal().aborted) throw new CancelledFailure('The rotation was cancelled.');
    const page: ResealedPage = await resealPage(parts, place, PAGE);
    count(done, page);
    const perSecond =
      (done.resealed - before) / Math.max((performance.now() - startedAt) / 1_000, 0.001);
    heartbeat({ ...done, recordsPerSecond: Math.round(perSecond) });
    place = page.last === null ? nextPlace(stale, place) : { ...place, after: page.last };
  }
  return { ...done, elapsedMs: Math.round(performance.now() - startedAt), cursor: place };
}

type Counts = Pick<ResealRecordsResult, 'resealed' | 'conflicts' | 'busy' | 'unreadable'>;

/** What an attempt whose worker died has sealed is not found again: its last heartbeat counted it. */
function countedBefore(): Counts {
  const { resealed = 0, conflicts = 0 } = (activityInfo().heartbeatDetails ??
    {}) as Partial<Counts>;
  return { resealed, conflicts, busy: 0, unreadable: 0 };
}

function count(done: Counts, { resealed, conflicts, busy, unreadable }: ResealedPage): void {
  done.resealed += resealed;
  done.conflicts += conflicts;
  done.busy += busy;
  done.unreadable += unreadable.length;
  for (const connectionId of unreadable) {
    log.warn('A sealed value does not open with its key and stays under it', { connectionId });
  }
}
