/**
 * The rotation protocol as one pure machine: a state, an event and MongoDB's clock (in the record)
 * give the next state and the one effect to carry out. Whoever carries out effects decides nothing.
 */
import { decideIssue, isRepeatable } from './decide-issue.js';
import {
  callerFailureType,
  decideOutcome,
  type FailedRequest,
  type RequestFacts,
  type RequestOutcome,
} from './decide-outcome.js';
import type { FailureType } from './failure-types.js';
import { needsPerson } from './grant-type.js';
import { isInGrace } from './rotation-profile.js';
import type {
  EndOfAttempt,
  ReplacedAttempt,
  RotationEffect,
  RotationEvent,
  RotationFacts,
  RotationState,
  RotationStep,
} from './rotation-steps.js';
import type { TokenRecord } from './token-record.js';

const READ: RotationEffect = { do: 'read' };

/** The first step: look. */
export function startRotation(): RotationStep {
  const state: RotationState = {
    record: null,
    usesRefreshToken: false,
    fallbacks: 0,
    request: 0,
    end: null,
    resent: false,
  };
  return { state, effect: READ };
}

/**
 * The next step.
 *
 * @throws TypeError on an event that does not follow from the last effect
 */
export function nextRotationStep(
  state: RotationState,
  event: RotationEvent,
  facts: RotationFacts,
): RotationStep {
  switch (event.type) {
    case 'read':
      return afterRead(state, event.record, facts);
    case 'waited':
    case 'takeover_announced':
      return { state, effect: READ };
    case 'planned': {
      const { usesRefreshToken, fallbacks } = event;
      const planned: RotationState = { ...state, usesRefreshToken, fallbacks, request: 0 };
      const record = recordOf(state);
      return {
        state: planned,
        effect: { do: 'write_intent', record, replaces: replacedBy(record, facts) },
      };
    }
    case 'not_planned':
      return afterNoPlan(state, event, facts);
    case 'intent':
      return afterIntent(state, event, facts);
    case 'captured': {
      const { request } = state;
      return { state, effect: { do: 'commit', record: recordOf(state), request } };
    }
    case 'failed':
      return afterFailure(state, event.request, facts);
    case 'committed':
      return afterCommit(state, event);
    case 'ended':
      return afterEnd(state, event.recorded);
  }
}

/** Rule R8: of two answers from one parent the one that was sent later stays. */
function afterCommit(
  state: RotationState,
  event: Extract<RotationEvent, { type: 'committed' }>,
): RotationStep {
  switch (event.result) {
    case 'mine':
      return { state, effect: { do: 'return', outcome: 'issued' } };
    case 'older_sibling': {
      const { request } = state;
      const { generation } = event;
      const record = recordOf(state);
      return { state, effect: { do: 'commit_sibling', record, request, generation } };
    }
    case 'moved':
      return { state, effect: READ };
  }
}

function recordOf({ record }: RotationState): TokenRecord {
  if (record === null) throw new TypeError('A step that needs a record came before it was read.');
  return record;
}

/** Step S0, and the rules R2 to R6 for an attempt that somebody left. */
function afterRead(
  state: RotationState,
  record: TokenRecord | null,
  facts: RotationFacts,
): RotationStep {
  const next: RotationState = { ...state, record, end: null };
  if (record === null) return { state: next, effect: failFor('Connection.not_found') };
  const decision = decideIssue(record, facts.input, facts);
  switch (decision.action) {
    case 'current':
      return { state: next, effect: { do: 'return', outcome: 'current' } };
    case 'fail':
      return { state: next, effect: failFor(decision.type) };
    case 'wait':
      return { state: next, effect: { do: 'wait', until: decision.until, type: decision.type } };
    case 'give_up':
      return end(next, withoutGrant(decision.over));
    case 'announce_takeover': {
      const atRisk = isAtRisk(facts);
      const attemptId = decision.attempt.id;
      return { state: next, effect: { do: 'announce_takeover', record, attemptId, atRisk } };
    }
    case 'request':
      return { state: next, effect: { do: 'plan', record } };
  }
}

/**
 * Without a refresh token nothing can be requested. It is written down even while the token serves:
 * who asks again must not be given this answer (`failures` is part of an update's id).
 */
function withoutGrant(over: boolean): EndOfAttempt {
  const type = 'Token.reauthorization_required';
  const outcome: RequestOutcome = {
    type,
    outcomeUnknown: false,
    mayStillRun: false,
    resend: false,
    state: over ? 'reauthorization_required' : null,
    retryInMs: null,
    reason: over ? 'no_refresh_token' : null,
    dropGrant: false,
    tryClientCredentials: false,
  };
  return { hasIntent: false, failureType: type, outcome };
}

const failFor = (type: string): RotationEffect => ({
  do: 'fail',
  type,
  final: true,
  retryInMs: null,
});

/** Whether a request whose outcome is unknown may have cost the grant. */
function isAtRisk(facts: RotationFacts): boolean {
  return !isRepeatable(facts) && facts.rotation !== 'none';
}

function replacedBy({ attempt }: TokenRecord, facts: RotationFacts): ReplacedAttempt | null {
  if (attempt === null) return null;
  return { id: attempt.id, outcomeUnknown: !isRepeatable(facts), atRisk: isAtRisk(facts) };
}

function afterNoPlan(
  state: RotationState,
  event: Extract<RotationEvent, { type: 'not_planned' }>,
  facts: RotationFacts,
): RotationStep {
  const { failureType, final } = event;
  const outcome: RequestOutcome = {
    ...decideOutcome(NOT_SENT, requestFacts(state, facts)),
    type: failureType,
    state: null,
  };
  if (final) outcome.retryInMs = null;
  return end(state, { hasIntent: false, outcome, failureType });
}

const NOT_SENT: FailedRequest = {
  certainty: 'not_sent',
  code: 'unreachable',
  retryAfterMs: null,
  mayStillRun: false,
};

function afterIntent(
  state: RotationState,
  { written, late }: Extract<RotationEvent, { type: 'intent' }>,
  facts: RotationFacts,
): RotationStep {
  if (!written) return { state, effect: READ };
  if (!late) return { state, effect: { do: 'send', request: 0 } };
  // Step S3: the process or MongoDB stood still; another may hold the refresh token by now.
  const failureType: FailureType = 'Store.unavailable';
  const outcome = { ...decideOutcome(NOT_SENT, requestFacts(state, facts)), type: failureType };
  return end(state, { hasIntent: true, outcome, failureType });
}

/** Rules R0, R7 and R8: what a failed request says about the grant. */
function afterFailure(
  state: RotationState,
  request: FailedRequest,
  facts: RotationFacts,
): RotationStep {
  const outcome = decideOutcome(request, requestFacts(state, facts));
  // A refused refresh token is not the end while client credentials or a sibling's are untried.
  const next =
    outcome.tryClientCredentials || (outcome.reason !== null && request.code === 'invalid_grant');
  if (next && state.request < state.fallbacks) {
    const fallback = state.request + 1;
    return {
      state: { ...state, request: fallback },
      effect: { do: 'send', request: fallback },
    };
  }
  // The fallback was only tried because the refresh token in hand was refused.
  const dropGrant = outcome.dropGrant || (state.request > 0 && isRepeatable(facts));
  const ended = { ...outcome, dropGrant };
  return end(state, { hasIntent: true, outcome: ended, failureType: callerFailureType(outcome) });
}

function requestFacts(
  state: RotationState,
  { grantType, rotation, attempt }: RotationFacts,
): RequestFacts {
  const { record, request } = state;
  const refreshes = needsPerson(grantType);
  const leftByAnother = record?.attempt != null && refreshes;
  // Where a sibling's answer was replaced, one of two rotations is lost.
  const hadSibling = request > 0 && refreshes;
  const hadUnknown = (record?.unknown.length ?? 0) > 0 || leftByAnother || hadSibling;
  const graced = typeof rotation === 'object' && rotation !== null;
  return {
    grantType,
    rotation,
    usedRefreshToken: state.usesRefreshToken && (request === 0 || refreshes),
    hadUnknown,
    // The first lost answer is this one: its grace has just begun.
    inGrace: graced && (!hadUnknown || (record !== null && isInGrace(record, rotation))),
    attempt,
  };
}

function end(state: RotationState, ending: EndOfAttempt): RotationStep {
  return {
    state: { ...state, end: ending },
    effect: { do: 'end_attempt', record: recordOf(state), end: ending },
  };
}

/** The failure is the asker's only if it was written down: a record that moved on says more. */
function afterEnd(state: RotationState, recorded: boolean): RotationStep {
  const { end: ending } = state;
  if (ending === null) throw new TypeError('An attempt ended that was not under way.');
  const { outcome, failureType, hasIntent } = ending;
  if (!recorded && (hasIntent || outcome.state !== null)) return { state, effect: READ };
  if (outcome.resend && !state.resent) return { state: { ...state, resent: true }, effect: READ };
  return {
    state,
    effect: {
      do: 'fail',
      type: failureType,
      final: outcome.retryInMs === null,
      retryInMs: outcome.retryInMs,
    },
  };
}
