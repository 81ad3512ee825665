import { attemptDelayMs } from './backoff.js';
import { FAILURES, oauthFailureType, type FailureType } from './failure-types.js';
import { needsPerson, type GrantType } from './grant-type.js';
import type { TokenState } from './messages.js';
import { SETTLE_MS, type RotationProfile } from './rotation-profile.js';

/** What is known of a token request that brought no tokens. */
export interface FailedRequest {
  /** Whether the authorization server may have acted on it. */
  certainty: 'not_sent' | 'rejected' | 'rejected_for_now' | 'unknown';
  /** RFC code or one of ours (`rate_limited`, `server_error`, `unreachable`, …). */
  code: string;
  retryAfterMs: number | null;
  /** Nobody heard its end: the authorization server may still be working on it. */
  mayStillRun: boolean;
}

/** What the request was made with. */
export interface RequestFacts {
  grantType: GrantType;
  usedRefreshToken: boolean;
  /** An earlier request of this generation ended without a known outcome. */
  hadUnknown: boolean;
  rotation: RotationProfile;
  /** The server still takes a refresh token whose first request has no known outcome. */
  inGrace: boolean;
  /** How many requests in a row failed, this one included. */
  attempt: number;
}

/** What a failed token request changes. */
export interface RequestOutcome {
  /** What is recorded, and what the next caller gets. */
  type: FailureType;
  outcomeUnknown: boolean;
  /** The authorization server may still be working on it. */
  mayStillRun: boolean;
  /** Send it again in the same run: the server's grace is running. */
  resend: boolean;
  /** The record's state from now on; null: unchanged. */
  state: TokenState | null;
  /** Pause before the next request; null: there is none by itself. */
  retryInMs: number | null;
  /** Why a grant is dead. */
  reason: 'revoked_or_expired' | 'lost_rotation' | 'no_refresh_token' | null;
  /** Forget the refresh token: client credentials serve without it. */
  dropGrant: boolean;
  /** Ask again at once with client credentials. */
  tryClientCredentials: boolean;
}

const RETRIED = new Set(['rate_limited', 'server_error', 'unreachable', 'malformed_response']);
const NEEDS_A_PERSON = new Set([
  'invalid_grant',
  'interaction_required',
  'login_required',
  'consent_required',
]);

/**
 * The row of the contract's failure table (§3) that a failed token request falls into. An unknown
 * outcome is unknown, never dead; a refusal is final only when the server said so.
 */
export function decideOutcome(request: FailedRequest, facts: RequestFacts): RequestOutcome {
  const { certainty, code } = request;
  const outcome: RequestOutcome = {
    type: code === 'network_not_allowed' ? 'Policy.network_not_allowed' : oauthFailureType(code),
    outcomeUnknown: false,
    mayStillRun: false,
    resend: false,
    state: null,
    retryInMs: null,
    reason: null,
    dropGrant: false,
    tryClientCredentials: false,
  };
  const spare = facts.usedRefreshToken && !needsPerson(facts.grantType);
  const refused = certainty === 'rejected' && !RETRIED.has(code);
  // This process's own setting: another worker may reach the server, so the record stays as it is.
  if (code === 'network_not_allowed') return outcome;
  if (spare && refused && code !== 'invalid_client') {
    return { ...outcome, dropGrant: true, tryClientCredentials: true };
  }
  if (refused) return refusedOutcome(outcome, code, facts);

  const unknown = certainty === 'unknown' && facts.usedRefreshToken;
  const retried = { ...outcome, type: retriedType(outcome.type), outcomeUnknown: unknown };
  if (!unknown || spare) {
    return { ...retried, dropGrant: unknown, retryInMs: pauseMs(request, facts) };
  }
  return {
    ...retried,
    mayStillRun: request.mayStillRun,
    resend: facts.inGrace,
    // Where refresh tokens stay valid nothing is at risk (rule R3).
    state: facts.rotation === 'none' ? null : 'at_risk',
    retryInMs: pauseMs(request, facts),
  };
}

/** A server that still works on a request gets this much time before the same one again. */
const RESEND_AFTER_TIMEOUT_MS = 1_000;

/**
 * Rules R3 to R6: the pause before the next request. While a grace runs it comes ahead of the usual
 * backoff, and at once after the first lost answer; a request that may still run at a server whose
 * grace is over, or not known, settles first.
 */
function pauseMs(request: FailedRequest, facts: RequestFacts): number {
  const usual = attemptDelayMs(facts.attempt, request.retryAfterMs);
  if (!needsPerson(facts.grantType)) return usual;
  const { rotation, inGrace, hadUnknown } = facts;
  const unknown = request.certainty === 'unknown';
  if (inGrace && typeof rotation === 'object' && rotation !== null && (unknown || hadUnknown)) {
    const first = request.mayStillRun ? RESEND_AFTER_TIMEOUT_MS : 0;
    const next = Math.min(usual, Math.max(RESEND_AFTER_TIMEOUT_MS, rotation.graceMs / 8));
    return Math.max(hadUnknown ? next : first, request.retryAfterMs ?? 0);
  }
  const settles = unknown && request.mayStillRun && rotation !== 'none';
  return settles ? Math.max(usual, SETTLE_MS) : usual;
}

/** A refusal for now (`slow_down`, RFC 8628 §3.5) asks for a pause, whatever its code means else. */
function retriedType(type: FailureType): FailureType {
  return FAILURES[type].final ? 'OAuth.rate_limited' : type;
}

function refusedOutcome(
  outcome: RequestOutcome,
  code: string,
  facts: RequestFacts,
): RequestOutcome {
  if (needsPerson(facts.grantType) && NEEDS_A_PERSON.has(code)) {
    const reason = facts.hadUnknown ? 'lost_rotation' : 'revoked_or_expired';
    return { ...outcome, state: 'reauthorization_required', reason };
  }
  return { ...outcome, state: 'blocked' };
}

/** The failure a caller gets for a recorded outcome: a dead grant is a matter for a person. */
export function callerFailureType(outcome: RequestOutcome): FailureType {
  return outcome.state === 'reauthorization_required'
    ? 'Token.reauthorization_required'
    : outcome.type;
}
