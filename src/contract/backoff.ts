const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;
const CALLER_JITTER_SHARE = 0.1;

/**
 * How long to wait after the n-th failed attempt in a row: 1 s doubling to 60 s, and never less
 * than what the authorization server asked for.
 *
 * @param attempt - 1 for the first failed attempt
 * @param retryAfterMs - the server's `Retry-After`, null when it said nothing
 */
export function attemptDelayMs(attempt: number, retryAfterMs: number | null): number {
  const grown = FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 16);
  return Math.max(Math.min(grown, MAX_DELAY_MS), retryAfterMs ?? 0);
}

/**
 * How long a caller waits before it asks again: the rest of the time until `retryAt`, plus up to
 * 10 % so that callers do not return in the same instant.
 */
export function callerDelayMs(retryAt: number, now: number, random: number): number {
  const rest = Math.max(retryAt - now, 1);
  return Math.ceil(rest * (1 + CALLER_JITTER_SHARE * random));
}

/** Time between two requests that an API's 401 asked for; doubles while rejections follow. */
export const REJECTION_INTERVAL_MS = 30_000;
const MAX_REJECTION_INTERVAL_MS = 15 * 60_000;

/** Rejected generations in a row, and when one of them last led to a new token. */
export interface Rejections {
  /** How many rejected generations followed each other; 0: none. */
  inARow: number;
  /** The last rejected generation. */
  generation: number;
  /** When a rejection last led to a new token (milliseconds); null: never. */
  requestedAt: number | null;
}

/** The next time a rejection may lead to a token request; null: at once. */
export function nextRejectionRequestAt(rejections: Rejections | null): number | null {
  if (rejections === null || rejections.requestedAt === null) return null;
  const doublings = Math.max(rejections.inARow - 2, 0);
  const interval = Math.min(REJECTION_INTERVAL_MS * 2 ** doublings, MAX_REJECTION_INTERVAL_MS);
  return rejections.requestedAt + interval;
}

/**
 * The count after generation `generation` was refused. A generation that served for longer than
 * the longest pause before it was refused starts a new row.
 */
export function afterRejection(
  rejections: Rejections | null,
  generation: number,
  now: number,
): Rejections {
  const requestedAt = rejections?.requestedAt ?? null;
  const follows =
    rejections !== null &&
    generation === rejections.generation + 1 &&
    requestedAt !== null &&
    now - requestedAt <= MAX_REJECTION_INTERVAL_MS;
  return { inARow: follows ? rejections.inARow + 1 : 1, generation, requestedAt };
}
