import type { Rejections } from './backoff.js';
import { keepAliveDueAt } from './refresh-token-clocks.js';
import type { RotationEvidence } from './rotation-profile.js';
import type { ConnectionStatus, RevokedTokens, TokenRef, TokenState } from './messages.js';

/** Why a stored token must not be used although it has not expired. */
export type InvalidReason =
  'rejected' | 'configuration_changed' | 'quarantined' | 'reauthorized' | 'introspected';

/** A token request somebody started and has not ended: written before anything is sent. */
export interface Attempt {
  id: string;
  parentGeneration: number;
  /** Who makes it, for people. */
  worker: string;
  sentAt: number;
  /** Until then nobody else may send. */
  deadline: number;
  /** Somebody waits to take it over. */
  takeover: { by: string; at: number } | null;
}

/** A token request whose outcome was never learned: the authorization server may have rotated. */
export interface UnknownOutcome {
  attemptId: string;
  /** When its intent was written. */
  sentAt: number;
  /** When it was given up. */
  at: number;
  /** What was seen, as a failure type. */
  type: string;
  /** Nobody heard its end: the authorization server may still be working on it. */
  mayStillRun: boolean;
}

/** A refresh token of an answer that another answer from the same parent replaced (rule R8). */
export interface Candidate {
  attemptId: string;
  /** The generation it is sealed for. */
  generation: number;
  at: number;
}

/** How far a revocation is. */
export interface Revocation extends RevokedTokens {
  requestedAt: number;
  /** Null: under way. */
  endedAt: number | null;
}

/**
 * The plain part of a token document: everything but the sealed members. Times are milliseconds of
 * MongoDB's clock, `now` included.
 */
export interface TokenRecord {
  connectionId: string;
  incarnation: string;
  epoch: number;
  generation: number;
  state: TokenState;
  hasAccessToken: boolean;
  hasRefreshToken: boolean;
  tokenType: string | null;
  scope: string | null;
  issuedAt: number | null;
  expiresAt: number | null;
  refreshAfter: number | null;
  lifetimeMs: number | null;
  refreshTokenExpiresAt: number | null;
  /** When a refresh keeps the refresh token from expiring unused; null: it does not. */
  keepAliveAt: number | null;
  invalid: { reason: InvalidReason; at: number } | null;
  attempt: Attempt | null;
  unknown: UnknownOutcome[];
  candidates: Candidate[];
  rotationEvidence: RotationEvidence;
  failures: number;
  retryAt: number | null;
  lastOutcome: { at: number; outcome: 'issued' | 'failed' | 'unknown'; type: string | null } | null;
  rejections: Rejections | null;
  /** Null: nobody asked for a revocation in this epoch. */
  revocation: Revocation | null;
  /** Authorizations begun until then connect nothing any more; null: every one does. */
  supersededAt: number | null;
  /** MongoDB's clock when the record was read. */
  now: number;
}

/** A token that lives shorter cannot be used. */
const SHORTEST_LIFETIME_MS = 1_000;
const POINTLESS_REQUEST_MS = 60_000;

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** The token ref of the record's newest generation. */
export function tokenRefOf(record: TokenRecord): TokenRef {
  return {
    connectionId: record.connectionId,
    epoch: record.epoch,
    generation: record.generation,
    tokenType: record.tokenType ?? 'Bearer',
    scope: record.scope,
    expiresAt: iso(record.expiresAt),
  };
}

/**
 * When the lifecycle refreshes by itself, ahead of expiry or to keep an idle refresh token alive; null
 * when callers do, or when nothing can be refreshed.
 *
 * @param record - the stored record
 * @param refresh - the connection's `lifetime.refresh`
 */
export function nextRefreshAt(record: TokenRecord, refresh: 'on-demand' | 'ahead'): number | null {
  const times = [aheadRefreshAt(record, refresh), keepAliveDueAt(record)];
  const known = times.filter((at): at is number => at !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/**
 * When the lifecycle refreshes ahead of expiry; null when callers ask for it.
 *
 * @param record - the stored record
 * @param refresh - the connection's `lifetime.refresh`
 */
export function aheadRefreshAt(record: TokenRecord, refresh: 'on-demand' | 'ahead'): number | null {
  if (refresh !== 'ahead') return null;
  if (record.state !== 'active' && record.state !== 'at_risk') return null;
  const due = record.hasAccessToken && record.invalid === null ? record.refreshAfter : record.now;
  if (due === null) return null;
  return Math.max(due, record.retryAt ?? due, earliestNextRequest(record) ?? due);
}

/**
 * A token that is expired when it arrives (`expires_in` of 0, or a server slower than its tokens
 * live) must not be asked for in a loop: the time before which another request is pointless; null
 * for tokens that live.
 */
export function earliestNextRequest(record: TokenRecord): number | null {
  const { issuedAt, lifetimeMs, invalid } = record;
  if (issuedAt === null || lifetimeMs === null || invalid !== null) return null;
  return lifetimeMs < SHORTEST_LIFETIME_MS ? issuedAt + POINTLESS_REQUEST_MS : null;
}

/** What people and programs may know about a record. */
export function statusOf(record: TokenRecord, refresh: 'on-demand' | 'ahead'): ConnectionStatus {
  const { connectionId, state, epoch, generation, tokenType, scope, failures } = record;
  return {
    connectionId,
    state,
    epoch,
    generation,
    tokenType,
    scope,
    issuedAt: iso(record.issuedAt),
    expiresAt: iso(record.expiresAt),
    refreshAfter: iso(record.refreshAfter),
    nextRefreshAt: iso(nextRefreshAt(record, refresh)),
    failures,
    retryAt: iso(record.retryAt),
    invalid:
      record.invalid === null
        ? null
        : { reason: record.invalid.reason, at: new Date(record.invalid.at).toISOString() },
    lastOutcome:
      record.lastOutcome === null
        ? null
        : { ...record.lastOutcome, at: new Date(record.lastOutcome.at).toISOString() },
    refreshTokenExpiresAt: iso(record.refreshTokenExpiresAt),
    revocation: revocationStatusOf(record),
  };
}

function revocationStatusOf({ revocation }: TokenRecord): ConnectionStatus['revocation'] {
  if (revocation === null) return null;
  const { requestedAt, endedAt, refreshToken, accessToken } = revocation;
  return {
    ...{ requestedAt: new Date(requestedAt).toISOString(), endedAt: iso(endedAt) },
    ...{ refreshToken, accessToken },
  };
}
