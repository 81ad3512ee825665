import type { AuthorizationRecord } from './authorization-record.js';
import { attemptDelayMs } from './backoff.js';
import type { FailedRequest } from './decide-outcome.js';
import { oauthFailureType, type FailureType } from './failure-types.js';
import type { Release } from './redemption-steps.js';

/** A code that may have been spent is tried once more while it is as young as this. */
export const PROBE_WITHIN_MS = 60_000;
/** RFC 6749 §4.1.2 recommends that no code lives longer. */
const LONGEST_CODE_LIFE_MS = 10 * 60_000;
/** RFC 8628 §3.5: `slow_down` adds 5 seconds to this and all later polls. */
const SLOW_DOWN_MS = 5_000;
/** Polls that time out come less and less often, up to this pause. */
const LONGEST_POLL_PAUSE_MS = 60_000;

/** What a failed token request means for its authorization. */
export type RedemptionDecision =
  { action: 'release'; release: Release } | { action: 'end'; type: FailureType };

/**
 * Whether the code, or the device code, may be sent. A code is sent once, and once more while it is
 * young when nobody knows what became of the first time; a device code is made to be sent again.
 *
 * @param unknown - how many token requests ended without a known outcome
 */
export function maySend(record: AuthorizationRecord, unknown: number): boolean {
  if (record.kind === 'device_code' || unknown === 0) return true;
  return unknown === 1 && ageMs(record) < PROBE_WITHIN_MS;
}

function ageMs({ receivedAt, now }: AuthorizationRecord): number {
  return receivedAt === null ? 0 : now - receivedAt;
}

/** Refused, and the next answer may say something else. */
const RETRIED = new Set(['rate_limited', 'server_error', 'unreachable', 'malformed_response']);
/** What a server says of a code that was used. */
const SPENT = new Set(['invalid_grant', 'expired_token']);

/**
 * Judges a token request that brought no tokens.
 *
 * @param request - what is known of it
 * @param record - as it was read before the request
 * @param attempt - how many attempts failed in a row, this one included
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-4.1.2
 */
export function decideRedemption(
  request: FailedRequest,
  record: AuthorizationRecord,
  attempt: number,
): RedemptionDecision {
  const { certainty, code } = request;
  if (certainty === 'rejected' && !RETRIED.has(code)) {
    return { action: 'end', type: refusalType(code, record) };
  }
  if (record.kind === 'device_code') return decidePoll(request, record);
  const unknown = record.unknown + (certainty === 'unknown' ? 1 : 0);
  if (!maySend(record, unknown)) return { action: 'end', type: 'Authorization.lost' };
  if (ageMs(record) > LONGEST_CODE_LIFE_MS) return { action: 'end', type: 'Authorization.expired' };
  const retryInMs = attemptDelayMs(attempt, request.retryAfterMs);
  // This process's own setting: another worker may reach the server.
  const type =
    code === 'network_not_allowed' ? 'Policy.network_not_allowed' : oauthFailureType(code);
  const { intervalMs } = record;
  return {
    action: 'release',
    release: { unknown, intervalMs, pollInMs: null, failure: { type, retryInMs } },
  };
}

function refusalType(code: string, { kind, unknown }: AuthorizationRecord): FailureType {
  // It was good before a request whose answer was lost: that one spent it.
  if (unknown > 0 && SPENT.has(code)) return 'Authorization.lost';
  if (kind === 'authorization_code') return oauthFailureType(code);
  if (code === 'access_denied') return 'Authorization.denied';
  return code === 'expired_token' ? 'Authorization.expired' : oauthFailureType(code);
}

/** @see https://www.rfc-editor.org/rfc/rfc8628.html#section-3.5 */
function decidePoll(request: FailedRequest, record: AuthorizationRecord): RedemptionDecision {
  const { code, certainty, retryAfterMs } = request;
  const { unknown, intervalMs } = record;
  const again = (after: number, pauseMs: number): RedemptionDecision => ({
    action: 'release',
    release: {
      unknown: after,
      intervalMs: pauseMs,
      pollInMs: Math.max(pauseMs, retryAfterMs ?? 0),
      failure: null,
    },
  });
  // Nothing was issued so far, whatever became of earlier polls.
  if (code === 'authorization_pending') return again(0, intervalMs);
  if (code === 'slow_down') return again(0, intervalMs + SLOW_DOWN_MS);
  if (certainty === 'rejected' || certainty === 'rejected_for_now') {
    return again(unknown, intervalMs);
  }
  // No answer: the pause is doubled, as the RFC recommends.
  const longest = Math.max(LONGEST_POLL_PAUSE_MS, intervalMs);
  const doubled = Math.min(intervalMs * 2, longest);
  return again(unknown + (certainty === 'unknown' ? 1 : 0), doubled);
}
