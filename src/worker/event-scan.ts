import { setTimeout as sleep } from 'node:timers/promises';
import { announce, type AnnounceDependencies } from '../activities/index.js';
import { longestNoticeMs } from '../contract/events.js';
import { listEnding, listUntold } from '../store/index.js';

/** What the search for untold events needs. */
export interface EventScan extends AnnounceDependencies {
  signal: AbortSignal;
  onWarning: ((message: string) => void) | undefined;
}

/** Events that nobody announced, after a crash or because a time came, are found within this time. */
const PASS_MS = 5 * 60_000;
const PAGE = 100;
/** Deliveries are begun at this pace. */
const INTERVAL_MS = 50;
const DAY_MS = 24 * 3_600_000;
/** A pass looks back a little further than the last one. */
const OVERLAP_MS = 60_000;

/**
 * Announces, now and then, what is untold: the end of a refresh token that comes near, and changes whose
 * own announcement got lost. Does nothing where nobody is told.
 */
export async function keepEventsTold(scan: EventScan): Promise<void> {
  if (scan.events === null) return;
  /** Monotonic time of the last whole pass; null: none yet. */
  let passedAt: number | null = null;
  while (!scan.signal.aborted) {
    const startedAt = performance.now();
    const sinceMs = passedAt === null ? null : startedAt - passedAt + OVERLAP_MS;
    try {
      await pass(scan, sinceMs);
      passedAt = startedAt;
    } catch {
      scan.onWarning?.('Not every event could be announced; the next try is soon.');
    }
    await sleep(PASS_MS, undefined, { signal: scan.signal }).catch(() => undefined);
  }
}

/** @param sinceMs - how long ago the last whole pass was; null: there was none. */
async function pass(scan: EventScan, sinceMs: number | null): Promise<void> {
  const { database, events } = scan;
  await announceAll(scan, (page) => listUntold(database, page));
  for (const window of windowsOf(events?.noticeDays ?? [], sinceMs)) {
    await announceAll(scan, (page) => listEnding(database, window, page));
  }
}

/** Which ends may have come near since the last pass; at first any. */
function windowsOf(
  noticeDays: readonly number[],
  sinceMs: number | null,
): { fromMs: number; untilMs: number }[] {
  const longest = longestNoticeMs(noticeDays);
  if (longest === 0) return [];
  if (sinceMs === null) return [{ fromMs: -longest, untilMs: longest }];
  return noticeDays.map((days) => ({ fromMs: days * DAY_MS - sinceMs, untilMs: days * DAY_MS }));
}

async function announceAll(
  scan: EventScan,
  list: (page: Parameters<typeof listUntold>[1]) => ReturnType<typeof listUntold>,
): Promise<void> {
  let after: string | null = null;
  while (!scan.signal.aborted) {
    const page = await list({ limit: PAGE, after });
    for (const connectionId of page) {
      if (scan.signal.aborted) return;
      if ((await announce(scan, connectionId)) > 0) await sleep(INTERVAL_MS);
    }
    after = page.at(-1) ?? null;
    if (after === null) return;
  }
}
