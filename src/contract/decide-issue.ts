import { nextRejectionRequestAt } from './backoff.js';
import { deadDecision } from './decide-caller.js';
import { freshnessOf } from './freshness.js';
import { needsPerson, type GrantType } from './grant-type.js';
import type { EnsureTokenInput } from './messages.js';
import { heldUntil, takeoverSettleMs, type RotationProfile } from './rotation-profile.js';
import type { Attempt, TokenRecord } from './token-record.js';

/** What of a connection decides how often its grant may be presented. */
export interface IssuedGrant {
  grantType: GrantType;
  rotation: RotationProfile;
}

/** A request that loses nothing by being made twice may be made again after this time. */
export const REPEATABLE_TAKEOVER_MS = 5_000;

/** What the token request activity does with the record it just read (step S0). */
export type IssueDecision =
  /** The stored token already serves: nothing to do. */
  | { action: 'current' }
  /** Make the token request. */
  | { action: 'request' }
  /** Announce that the dead owner's attempt will be taken over, then look again. */
  | { action: 'announce_takeover'; attempt: Attempt }
  /** Somebody else is at it, or the time has not come: look again at `until`. */
  | { action: 'wait'; type: string; until: number }
  /** Nothing is there to ask with; `over`: and the token serves no longer, so a person is needed. */
  | { action: 'give_up'; over: boolean }
  | { action: 'fail'; type: string };

/**
 * Step S0 of the rotation protocol: whether this activity may send a token request now.
 *
 * @param record - the record, with MongoDB's time of reading in `now`
 * @param input - what the asker saw and needs
 * @param grant - how it is obtained; `client_credentials` loses nothing by asking twice
 */
export function decideIssue(
  record: TokenRecord,
  input: EnsureTokenInput,
  grant: IssuedGrant,
): IssueDecision {
  const dead = deadDecision(record);
  if (dead !== null) return dead;
  if (alreadyServes(record, input)) return { action: 'current' };
  if (record.attempt !== null) return decideAboutAttempt(record, record.attempt, grant);
  if (needsPerson(grant.grantType) && !record.hasRefreshToken) return withoutGrant(record, input);
  if (record.retryAt !== null && record.retryAt > record.now) {
    const type = record.lastOutcome?.type ?? 'Token.refresh_in_progress';
    return { action: 'wait', type, until: record.retryAt };
  }
  return isRepeatable(grant)
    ? decideAboutRejection(record, input)
    : (held(record, grant) ?? decideAboutRejection(record, input));
}

/** Asking twice loses nothing: no outcome is ever unknown, and nobody has to be waited for long. */
export function isRepeatable({ grantType }: IssuedGrant): boolean {
  return !needsPerson(grantType);
}

/** A server that gave no refresh token: its access token is all there is, and serves to its end. */
function withoutGrant(record: TokenRecord, { reason }: EnsureTokenInput): IssueDecision {
  const serves =
    record.hasAccessToken &&
    record.invalid === null &&
    freshnessOf(record, record.now) !== 'expired';
  const wantsMore = reason === 'forced' || reason === 'min_valid';
  return serves && !wantsMore ? { action: 'current' } : { action: 'give_up', over: !serves };
}

/** Rules R5 and R6: a probe that has to wait. */
function held(record: TokenRecord, { rotation }: IssuedGrant): IssueDecision | null {
  const until = heldUntil(record, rotation);
  return until > record.now ? inProgress(until) : null;
}

const inProgress = (until: number): IssueDecision => ({
  action: 'wait',
  type: 'Token.refresh_in_progress',
  until,
});

/** An API that refuses every token must not cost a token request per call. */
function decideAboutRejection(record: TokenRecord, input: EnsureTokenInput): IssueDecision {
  if (record.invalid?.reason === 'rejected' && input.reason !== 'forced') {
    const allowedAt = nextRejectionRequestAt(record.rejections);
    if (allowedAt !== null && allowedAt > record.now) {
      return { action: 'wait', type: 'Token.rejected', until: allowedAt };
    }
  }
  return { action: 'request' };
}

/** Whether the record holds what the asker wanted, so that asking late costs nothing. */
function alreadyServes(record: TokenRecord, input: EnsureTokenInput): boolean {
  if (!record.hasAccessToken || record.invalid !== null) return false;
  const freshness = freshnessOf(record, record.now, input.minValidMs);
  if (freshness === 'expired' || freshness === 'min_valid') return false;
  const moved =
    record.epoch > input.epoch ||
    (record.epoch === input.epoch && record.generation > input.generation);
  if (['forced', 'rejected', 'keep_alive'].includes(input.reason)) return moved;
  return moved || freshness === 'fresh';
}

/** Who may go on when a started request has not ended: rules R2 and "never blind". */
function decideAboutAttempt(
  record: TokenRecord,
  attempt: Attempt,
  grant: IssuedGrant,
): IssueDecision {
  const { now } = record;
  if (isRepeatable(grant)) {
    const until = Math.min(attempt.sentAt + REPEATABLE_TAKEOVER_MS, attempt.deadline);
    return now >= until ? { action: 'request' } : inProgress(until);
  }
  if (now < attempt.deadline) return inProgress(attempt.deadline);
  if (attempt.takeover === null) return { action: 'announce_takeover', attempt };
  const settled = attempt.takeover.at + takeoverSettleMs(record, grant.rotation);
  if (now < settled) return inProgress(settled);
  return held(record, grant) ?? { action: 'request' };
}
