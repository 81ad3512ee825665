/** Longest time before expiry at which a refresh becomes due. */
const MAX_REFRESH_AHEAD_MS = 5 * 60_000;
const REFRESH_AHEAD_SHARE = 0.2;
const MAX_JITTER_MS = 60_000;
const JITTER_SHARE = 0.05;
const MAX_LEEWAY_MS = 30_000;
const LEEWAY_SHARE = 0.1;

/**
 * How long before expiry a refresh becomes due: min(5 min, 20 % of the lifetime) plus jitter,
 * uniform in 0–5 % of the lifetime and at most one minute.
 *
 * @param lifetimeMs - the token's lifetime in milliseconds
 * @param random - uniform in [0, 1), drawn once for a token
 */
export function refreshAheadMs(lifetimeMs: number, random: number): number {
  const ahead = Math.min(MAX_REFRESH_AHEAD_MS, lifetimeMs * REFRESH_AHEAD_SHARE);
  const jitter = Math.min(MAX_JITTER_MS, lifetimeMs * JITTER_SHARE) * random;
  return Math.round(ahead + jitter);
}

/**
 * How long before expiry a token stops being used, so that a request in flight does not arrive with
 * an expired one: min(30 s, 10 % of the lifetime).
 *
 * @param lifetimeMs - the token's lifetime in milliseconds
 */
export function leewayMs(lifetimeMs: number): number {
  return Math.min(MAX_LEEWAY_MS, lifetimeMs * LEEWAY_SHARE);
}

/**
 * How long before expiry a token that nothing can refresh is looked at: when it stops being used, and
 * not earlier, because nothing can be done before.
 *
 * @param lifetimeMs - the token's lifetime in milliseconds
 */
export function endAheadMs(lifetimeMs: number): number {
  return Math.floor(leewayMs(lifetimeMs));
}

/** The times of a token, all in milliseconds of one clock (MongoDB's). */
export interface TokenTimes {
  expiresAt: number | null;
  refreshAfter: number | null;
  lifetimeMs: number | null;
}

/** How fresh a token is for a caller who needs it valid for `minValidMs`. */
export type Freshness = 'fresh' | 'stale' | 'expired' | 'min_valid';

/**
 * Whether a token can be used, and whether a refresh is due. A token without expiry is fresh until
 * an API refuses it.
 *
 * @param times - the token's times
 * @param now - the same clock, milliseconds
 * @param minValidMs - how long the caller needs it
 */
export function freshnessOf(times: TokenTimes, now: number, minValidMs = 0): Freshness {
  if (times.expiresAt === null) return 'fresh';
  const remaining = times.expiresAt - now;
  if (remaining <= leewayMs(times.lifetimeMs ?? 0) || remaining <= 0) return 'expired';
  if (remaining < minValidMs) return 'min_valid';
  return times.refreshAfter !== null && now >= times.refreshAfter ? 'stale' : 'fresh';
}
