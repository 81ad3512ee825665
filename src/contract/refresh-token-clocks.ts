import type { TokenRecord } from './token-record.js';

/** A refresh token that is not used is refreshed after this part of the time it may lie idle. */
const KEEP_ALIVE_SHARE = 0.7;

/**
 * How long after a refresh token's last use it is used again, only so that it does not expire unused.
 *
 * @param idleMs - the connection's `lifetime.refreshTokenIdleMs`; null: it may lie idle for ever
 */
export function keepAliveAfterMs(idleMs: number | null): number | null {
  return idleMs === null ? null : Math.floor(idleMs * KEEP_ALIVE_SHARE);
}

/**
 * When a refresh is due that keeps an idle refresh token alive (milliseconds of MongoDB's clock); null:
 * none. A refresh token past its own expiry is presented all the same: clocks lie, one try of a dead
 * token costs nothing, and only the server's `invalid_grant` ends a grant.
 */
export function keepAliveDueAt(
  record: Pick<TokenRecord, 'state' | 'hasRefreshToken' | 'keepAliveAt' | 'retryAt'>,
): number | null {
  const { state, hasRefreshToken, keepAliveAt, retryAt } = record;
  if (state !== 'active' && state !== 'at_risk') return null;
  if (!hasRefreshToken || keepAliveAt === null) return null;
  return Math.max(keepAliveAt, retryAt ?? keepAliveAt);
}
