import { attemptDelayMs } from './backoff.js';
import { FAILURES, oauthFailureType, type FailureType } from './failure-types.js';
import type { TokenState } from './messages.js';

/** What is known of a token request that brought no tokens. */
export interface FailedRequest {
  /** Whether the authorization server may have acted on it. */
  certainty: 'not_sent' | 'rejected' | 'rejected_for_now' | 'unknown';
  /** RFC code or one of ours (`rate_limited`, `server_error`, `unreachable`, …). */
  code: string;
  retryAfterMs: number | null;
}

/** What the request was made with. */
export interface RequestFacts {
  grantType: 'client_credentials' | 'refresh_token';
  usedRefreshToken: boolean;
  /** An earlier request of this generation ended without a known outcome. */
  hadUnknown: boolean;
  /** How many requests in a row failed, this one included. */
  attempt: number;
}

/** What a failed token request changes. */
export interface RequestOutcome {
  /** What is recorded, and what the next caller gets. */
  type: FailureType;
  outcomeUnknown: boolean;
  /** The record's state from now on; null: unchanged. */
  state: TokenState | null;
  /** Pause before the next request; null: there is none by itself. */
  retryInMs: number | null;
  /** Why a grant is dead. */
  reason: 'revoked_or_expired' | 'lost_rotation' | null;
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
    state: null,
    retryInMs: null,
    reason: null,
    dropGrant: false,
    tryClientCredentials: false,
  };
  const spare = facts.usedRefreshToken && facts.grantType === 'client_credentials';
  const refused = certainty === 'rejected' && !RETRIED.has(code);
  if (code === 'network_not_allowed') return { ...outcome, state: 'blocked' };
  if (spare && refused && code !== 'invalid_client') {
    return { ...outcome, dropGrant: true, tryClientCredentials: true };
  }
  if (refused) return refusedOutcome(outcome, code, facts);

  const retryInMs = attemptDelayMs(facts.attempt, request.retryAfterMs);
  const retried = { ...outcome, type: retriedType(outcome.type), retryInMs };
  if (certainty !== 'unknown' || !facts.usedRefreshToken) return retried;
  if (spare) return { ...retried, outcomeUnknown: true, dropGrant: true };
  return { ...retried, outcomeUnknown: true, state: 'at_risk' };
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
  if (facts.grantType === 'refresh_token' && NEEDS_A_PERSON.has(code)) {
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
