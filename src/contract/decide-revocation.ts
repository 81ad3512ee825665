import { FAILURES, isFailureType } from './failure-types.js';
import type { ConnectionStatus, RevokeResult } from './messages.js';
import type { TokenRecord } from './token-record.js';

const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 10 * 60_000;

/**
 * How long to wait after the n-th request for a revocation that failed in a row: 1 s doubling to 10 min,
 * because it may go on for days; never less than the server asked for.
 *
 * @param attempt - 1 for the first failed attempt
 * @param retryAfterMs - the server's `Retry-After`, null when it said nothing
 */
export function revocationDelayMs(attempt: number, retryAfterMs: number | null): number {
  const grown = FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 16);
  return Math.max(Math.min(grown, MAX_DELAY_MS), retryAfterMs ?? 0);
}

/** What the `revoke` update answers of a connection's status. */
export function revokeResultOf(status: ConnectionStatus): RevokeResult {
  const { state, revocation, lastOutcome, retryAt } = status;
  const { refreshToken = null, accessToken = null } = revocation ?? {};
  const type = state === 'revoking' ? (lastOutcome?.type ?? null) : null;
  return {
    state,
    revoked: { refreshToken, accessToken },
    failure: isFailureType(type) ? { type, final: FAILURES[type].final } : null,
    retryAt: state === 'revoking' ? retryAt : null,
  };
}

/** Whether the authorization server may hold a token of the record that lives. */
export function hasTokens(record: TokenRecord): boolean {
  const { hasAccessToken, hasRefreshToken, candidates, attempt } = record;
  return hasAccessToken || hasRefreshToken || candidates.length > 0 || attempt !== null;
}
