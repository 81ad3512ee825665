import { nextRejectionRequestAt } from './backoff.js';
import { freshnessOf } from './freshness.js';
import type { EnsureReason } from './messages.js';
import { earliestNextRequest, type TokenRecord } from './token-record.js';

/** What a caller does with the record it just read. */
export type CallerDecision =
  /** Use the token; `nudge`: a refresh is due, ask for one in the background. */
  | { action: 'serve'; nudge: boolean }
  /** Ask the lifecycle for a token. */
  | { action: 'ask'; reason: EnsureReason }
  /** No token request is allowed before `retryAt`: fail retryably with `type`. */
  | { action: 'wait'; type: string; retryAt: number | null }
  /** Nothing will change without configuration or a person: fail finally with `type`. */
  | { action: 'fail'; type: string };

/**
 * The row of the contract's table (§3) that a record falls into.
 *
 * @param record - the record, with MongoDB's time of reading in `now`
 * @param minValidMs - how long the caller needs the token
 * @param rejectedGeneration - the generation the caller saw refused. A lower one in the record
 *   means that the database was restored, and is judged by itself
 */
export function decideForCaller(
  record: TokenRecord,
  minValidMs: number,
  rejectedGeneration = 0,
): CallerDecision {
  const dead = deadDecision(record);
  if (dead !== null) return dead;

  const reason = whyNotUsable(record, minValidMs, rejectedGeneration);
  if (reason === null) return { action: 'serve', nudge: refreshIsDue(record) };

  if (reason === 'min_valid' && exceedsLifetime(record.lifetimeMs, minValidMs)) {
    return { action: 'fail', type: 'Token.lifetime_too_short' };
  }
  if (record.retryAt !== null && record.retryAt > record.now) {
    return { action: 'wait', type: waitingType(record), retryAt: record.retryAt };
  }
  const pointlessUntil = reason === 'expired' ? earliestNextRequest(record) : null;
  if (pointlessUntil !== null && pointlessUntil > record.now) {
    return { action: 'fail', type: 'Token.lifetime_too_short' };
  }
  if (record.invalid?.reason === 'rejected') {
    const allowedAt = nextRejectionRequestAt(record.rejections);
    if (allowedAt !== null && allowedAt > record.now) {
      return { action: 'wait', type: 'Token.rejected', retryAt: allowedAt };
    }
  }
  return { action: 'ask', reason };
}

/** While an outcome is unknown the grant is neither well nor dead: the request goes on. */
function waitingType(record: TokenRecord): string {
  if (record.state === 'at_risk') return 'Token.refresh_in_progress';
  return record.lastOutcome?.type ?? 'Token.refresh_in_progress';
}

/** A new token has lived for a moment when it arrives: asking for its whole lifetime never ends. */
function exceedsLifetime(lifetimeMs: number | null, minValidMs: number): boolean {
  return lifetimeMs !== null && minValidMs > lifetimeMs - Math.min(5_000, lifetimeMs * 0.05);
}

/** Why the stored token cannot be handed out; null: it can. */
function whyNotUsable(
  record: TokenRecord,
  minValidMs: number,
  rejectedGeneration: number,
): EnsureReason | null {
  if (record.generation === 0 || !record.hasAccessToken) return 'missing';
  if (record.invalid !== null || record.generation === rejectedGeneration) return 'rejected';
  const freshness = freshnessOf(record, record.now, minValidMs);
  return freshness === 'expired' || freshness === 'min_valid' ? freshness : null;
}

/** Whether a caller that was served should ask for a refresh in the background. */
function refreshIsDue(record: TokenRecord): boolean {
  if (record.retryAt !== null && record.retryAt > record.now) return false;
  return freshnessOf(record, record.now) === 'stale';
}

/** The final failure of a record that serves nobody; null: the record lives. */
export function deadDecision(record: TokenRecord): { action: 'fail'; type: string } | null {
  switch (record.state) {
    case 'active':
    case 'at_risk':
      return null;
    case 'quarantined':
      return { action: 'fail', type: 'OAuth.malformed_response' };
    case 'blocked':
      return { action: 'fail', type: record.lastOutcome?.type ?? 'OAuth.other' };
    case 'reauthorization_required':
      return { action: 'fail', type: 'Token.reauthorization_required' };
    case 'revoking':
    case 'revoked':
      return { action: 'fail', type: 'Token.revoked' };
    default:
      return record.state satisfies never;
  }
}
