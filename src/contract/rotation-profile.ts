import { leewayMs } from './freshness.js';
import type { TokenRecord } from './token-record.js';

/**
 * How an authorization server treats a refresh token that was used before, as a connection declares
 * it (`grant.rotation`).
 *
 * - `none`: a refresh token stays valid.
 * - `{ graceMs }`: the one before is taken for that long after its first use.
 * - `strict`: one that comes back ends the grant (RFC 9700 §4.14.2).
 * - null: not declared, so unknown.
 */
export type RotationProfile = 'none' | 'strict' | { graceMs: number } | null;

/** What a server was seen to do with refresh tokens, counted. */
export interface RotationEvidence {
  /** Answers that brought the refresh token that was sent, or none. */
  sameTokenReturned: number;
  /** Answers that brought another one. */
  newTokenReturned: number;
  /** Answers to a refresh token that had been sent before, with an unknown outcome. */
  oldTokenAcceptedAfterUnknown: number;
}

export const NO_EVIDENCE: RotationEvidence = {
  sameTokenReturned: 0,
  newTokenReturned: 0,
  oldTokenAcceptedAfterUnknown: 0,
};

/** The server may still work on a request that timed out, and rotate after a second one came. */
export const SETTLE_MS = 30_000;
/** A hold is looked at again at least this often: a refused token or a `put` ends it. */
export const MAX_HOLD_MS = 60_000;
/** A resent refresh token has to arrive before the grace is over. */
const MAX_GRACE_MARGIN_MS = 2_000;
const GRACE_MARGIN_SHARE = 0.2;
/** How long a sibling's refresh token is kept when no grace is declared. */
const KEEP_CANDIDATES_MS = 10 * 60_000;

/** How long the refresh token of a sibling answer is worth trying, in milliseconds. */
export function candidateLifeMs(rotation: RotationProfile): number {
  return typeof rotation === 'object' && rotation !== null ? rotation.graceMs : KEEP_CANDIDATES_MS;
}

/**
 * Rule R4: the server still takes the refresh token whose first request has no known outcome. False
 * when there is no such request.
 */
export function isInGrace(
  { unknown, attempt, now }: Pick<TokenRecord, 'unknown' | 'attempt' | 'now'>,
  rotation: RotationProfile,
): boolean {
  if (typeof rotation !== 'object' || rotation === null) return false;
  const firstSentAt = unknown[0]?.sentAt ?? attempt?.sentAt;
  if (firstSentAt === undefined) return false;
  const { graceMs } = rotation;
  const margin = Math.min(MAX_GRACE_MARGIN_MS, graceMs * GRACE_MARGIN_SHARE);
  return now < firstSentAt + graceMs - margin;
}

/**
 * Rules R5 and R6: the time before which a refresh token that was sent with an unknown outcome is
 * not presented again. It is long past when nothing holds it back.
 *
 * @param record - the record; an attempt in it counts as one whose outcome is unknown
 * @param rotation - what the connection declares
 */
export function heldUntil(record: TokenRecord, rotation: RotationProfile): number {
  if (record.unknown.length === 0 && record.attempt === null) return 0;
  if (rotation === 'none' || isInGrace(record, rotation)) return 0;
  const settled = Math.max(
    0,
    ...record.unknown.filter(({ mayStillRun }) => mayStillRun).map(({ at }) => at + SETTLE_MS),
  );
  // A strict server may end the grant at the probe: what is there serves first.
  const spent = rotation === 'strict' ? nearlySpentAt(record) : 0;
  return Math.min(Math.max(settled, spent), record.now + MAX_HOLD_MS);
}

/** When the access token is about to stop serving; 0: it does not serve. */
function nearlySpentAt(record: TokenRecord): number {
  const { hasAccessToken, invalid, expiresAt, lifetimeMs } = record;
  if (!hasAccessToken || invalid !== null) return 0;
  return expiresAt === null ? Infinity : expiresAt - 2 * leewayMs(lifetimeMs ?? 0);
}

/**
 * Rule R2: how long a late owner has to commit after its takeover was announced. Against a strict
 * server it is worth waiting while the access token serves.
 */
export function takeoverSettleMs(record: TokenRecord, rotation: RotationProfile): number {
  const announcedAt = record.attempt?.takeover?.at ?? record.now;
  const servesMs = rotation === 'strict' ? nearlySpentAt(record) - announcedAt : 0;
  return Math.min(Math.max(servesMs, TAKEOVER_SETTLE_MS), MAX_HOLD_MS);
}

/** How long a second claimant waits for the first one's late commit before it takes over. */
export const TAKEOVER_SETTLE_MS = 2_500;
