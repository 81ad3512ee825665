import { NO_EVIDENCE } from '../../src/contract/rotation-profile.js';
import type { Attempt, TokenRecord } from '../../src/contract/token-record.js';

/** MongoDB's clock in these tests. */
export const NOW = Date.parse('2026-01-01T12:00:00.000Z');
const MINUTE = 60_000;

/** A record of generation 3 whose one-hour token was issued a minute ago; say what is different. */
export function record(different: Partial<TokenRecord> = {}): TokenRecord {
  return {
    connectionId: 'superservice',
    incarnation: 'aB3dE6gH',
    epoch: 1,
    generation: 3,
    state: 'active',
    hasAccessToken: true,
    hasRefreshToken: true,
    tokenType: 'Bearer',
    scope: 'read write',
    issuedAt: NOW - MINUTE,
    expiresAt: NOW + 59 * MINUTE,
    refreshAfter: NOW + 54 * MINUTE,
    lifetimeMs: 60 * MINUTE,
    refreshTokenExpiresAt: null,
    keepAliveAt: null,
    invalid: null,
    attempt: null,
    unknown: [],
    candidates: [],
    rotationEvidence: NO_EVIDENCE,
    failures: 0,
    retryAt: null,
    lastOutcome: { at: NOW - MINUTE, outcome: 'issued', type: null },
    rejections: null,
    revocation: null,
    supersededAt: null,
    now: NOW,
    ...different,
  };
}

/** A record before anything was issued. */
export function newRecord(different: Partial<TokenRecord> = {}): TokenRecord {
  return record({
    generation: 0,
    hasAccessToken: false,
    tokenType: null,
    scope: null,
    issuedAt: null,
    expiresAt: null,
    refreshAfter: null,
    lifetimeMs: null,
    lastOutcome: null,
    ...different,
  });
}

/** A record whose one-hour token expired a minute ago. */
export function expiredRecord(different: Partial<TokenRecord> = {}): TokenRecord {
  return record({
    issuedAt: NOW - 61 * MINUTE,
    expiresAt: NOW - MINUTE,
    refreshAfter: NOW - 6 * MINUTE,
    ...different,
  });
}

/** A record whose token serves, and whose refresh is due. */
export function staleRecord(different: Partial<TokenRecord> = {}): TokenRecord {
  return record({
    issuedAt: NOW - 57 * MINUTE,
    expiresAt: NOW + 3 * MINUTE,
    refreshAfter: NOW - 2 * MINUTE,
    ...different,
  });
}

/** A record whose last attempt failed and whose next one is 40 s away. */
export function failedRecord(type: string, different: Partial<TokenRecord> = {}): TokenRecord {
  return expiredRecord({
    failures: 4,
    retryAt: NOW + 40_000,
    lastOutcome: { at: NOW - 1_000, outcome: 'failed', type },
    ...different,
  });
}

/** An attempt begun 3 s ago that may last 17 s more. */
export function attempt(different: Partial<Attempt> = {}): Attempt {
  return {
    id: 'attempt-1',
    parentGeneration: 3,
    worker: '1@host',
    sentAt: NOW - 3_000,
    deadline: NOW + 17_000,
    takeover: null,
    ...different,
  };
}
