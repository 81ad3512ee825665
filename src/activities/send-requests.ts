import { log } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import {
  callerFailureType,
  decideOutcome,
  type RequestOutcome,
} from '../contract/decide-outcome.js';
import type { TokenRecord } from '../contract/token-record.js';
import { failure } from '../failures.js';
import {
  sendTokenRequest,
  type CapturedResponse,
  type TokenRequestFailure,
} from '../oauth/index.js';
import { endAttempt } from '../store/index.js';
import { METRICS, currentMeter } from '../tokens/index.js';
import { commitAnswer } from './commit-answer.js';
import type { IssueDependencies } from './dependencies.js';
import type { RequestPlan } from './plan-request.js';

/** A token request whose intent is written. */
export interface SendRequest {
  record: TokenRecord;
  plan: RequestPlan;
  attempt: { id: string; sentAt: Date };
  /** Temporal's attempt number: how many failed in a row, this one included. */
  attemptNumber: number;
}

/**
 * Steps S4 to S7: sends, captures, and commits or records the failure. Neither cancellation nor
 * shutdown reaches in here: whoever has sent a refresh token has to learn what became of it.
 *
 * @returns whether the answer was committed; false when the record had moved on
 * @throws ApplicationFailure of the failed request
 */
export async function sendRequests(
  dependencies: IssueDependencies,
  request: SendRequest,
): Promise<boolean> {
  const { plan, record, attempt } = request;
  const { requestTimeoutMs: timeoutMs } = plan.connection.authorizationServer;
  const { network } = dependencies;
  let usedRefreshToken = plan.refreshToken !== null;
  let sentAtMs = performance.now();
  let result = await sendTokenRequest(plan.first, { timeoutMs, network });
  if (result.kind === 'failed' && plan.fallback !== null) {
    const outcome = outcomeOf(request, result.failure, usedRefreshToken);
    if (outcome.tryClientCredentials) {
      count(outcome.type);
      usedRefreshToken = false;
      sentAtMs = performance.now();
      result = await sendTokenRequest(plan.fallback, { timeoutMs, network });
    }
  }
  if (result.kind === 'failed') {
    throw await recordedRequestFailure(dependencies, request, result.failure, usedRefreshToken);
  }
  const { response } = result;
  count(response.problem === null ? 'issued' : 'OAuth.malformed_response');
  noteOddities(record, response);
  const keptRefreshToken = usedRefreshToken ? plan.refreshToken : null;
  const answer = { record, plan, response, attempt, sentAtMs, keptRefreshToken };
  return commitAnswer(dependencies, answer);
}

function outcomeOf(
  { plan, record, attemptNumber }: SendRequest,
  { certainty, code, retryAfterMs }: TokenRequestFailure,
  usedRefreshToken: boolean,
): RequestOutcome {
  return decideOutcome(
    { certainty, code, retryAfterMs },
    {
      grantType: plan.connection.grant.grantType,
      usedRefreshToken,
      hadUnknown: record.unknown.length > 0,
      attempt: attemptNumber,
    },
  );
}

/** Writes down how the request failed, and makes the failure. */
async function recordedRequestFailure(
  { database }: IssueDependencies,
  request: SendRequest,
  failed: TokenRequestFailure,
  usedRefreshToken: boolean,
): Promise<ApplicationFailure> {
  const { record, attempt, plan } = request;
  const { connectionId } = record;
  const outcome = outcomeOf(request, failed, usedRefreshToken);
  count(outcome.type);
  const droppedSpare = plan.fallback !== null && !usedRefreshToken;
  const ended = await endAttempt(database, record, {
    attemptId: attempt.id,
    type: outcome.type,
    outcomeUnknown: outcome.outcomeUnknown,
    state: outcome.state,
    retryInMs: outcome.retryInMs,
    reason: outcome.reason,
    dropGrant: outcome.dropGrant || droppedSpare,
  }).catch(() => undefined);
  // The record has moved on, or cannot be written: whoever comes next decides from what it holds.
  if (ended === undefined) return failure('Token.refresh_in_progress', { connectionId });
  return failure(callerFailureType(outcome), {
    connectionId,
    detail: failed.httpStatus === null ? undefined : `(HTTP ${failed.httpStatus})`,
    nextRetryDelayMs: outcome.retryInMs ?? undefined,
  });
}

function count(outcome: string): void {
  currentMeter()?.createCounter(METRICS.tokenRequests, '1').add(1, { outcome });
}

/** What was odd about an answer that serves; names of members, never their values. */
function noteOddities({ connectionId }: TokenRecord, { notes, problem }: CapturedResponse): void {
  if (notes.length === 0 && problem === null) return;
  log.warn('The token endpoint sent an odd answer', { connectionId, notes, problem });
}
