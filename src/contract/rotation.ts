/**
 * The rotation protocol as one pure machine: a state, an event and MongoDB's clock (in the record)
 * give the next state and the one effect to carry out. Whoever carries out effects decides nothing.
 */
import { decideIssue } from './decide-issue.js';
import {
  callerFailureType,
  decideOutcome,
  type FailedRequest,
  type RequestFacts,
  type RequestOutcome,
} from './decide-outcome.js';
import type { FailureType } from './failure-types.js';
import type { EnsureTokenInput } from './messages.js';
import type { TokenRecord } from './token-record.js';

/** What does not change while a token request is made. */
export interface RotationFacts {
  input: EnsureTokenInput;
  grantType: RequestFacts['grantType'];
  /** How many attempts failed in a row, the one under way included. */
  attempt: number;
}

/** Which request to send: the planned one, or the one without the refused refresh token. */
export type RequestChoice = 'first' | 'fallback';

/** A failed attempt to write down; the own attempt's, or one that ended before its intent. */
export interface EndOfAttempt {
  hasIntent: boolean;
  outcome: RequestOutcome;
  /** What the asker gets. */
  failureType: string;
}

/** One thing to do in the world. */
export type RotationEffect =
  | { do: 'read' }
  /** Look again at `until` (MongoDB's clock); `type` is why, for whoever does not wait. */
  | { do: 'wait'; until: number; type: string }
  | { do: 'plan'; record: TokenRecord }
  | { do: 'announce_takeover'; record: TokenRecord; attemptId: string }
  | { do: 'write_intent'; record: TokenRecord; replaces: ReplacedAttempt | null }
  | { do: 'send'; request: RequestChoice }
  | { do: 'commit'; record: TokenRecord; keepRefreshToken: boolean }
  /** Replace an older sibling: the authorization server holds the later one for the current. */
  | { do: 'commit_sibling'; record: TokenRecord; keepRefreshToken: boolean }
  | { do: 'end_attempt'; record: TokenRecord; end: EndOfAttempt }
  | { do: 'return'; outcome: 'issued' | 'current' }
  | { do: 'fail'; type: string; final: boolean; retryInMs: number | null };

/** An attempt whose owner is taken for dead. */
export interface ReplacedAttempt {
  id: string;
  outcomeUnknown: boolean;
}

/** What came of an effect. */
export type RotationEvent =
  | { type: 'read'; record: TokenRecord | null }
  | { type: 'waited' }
  | { type: 'planned'; usesRefreshToken: boolean; hasFallback: boolean }
  /** Something that has to be there before sending is not: nothing was sent. */
  | { type: 'not_planned'; failureType: FailureType; final: boolean; blocks: boolean }
  | { type: 'takeover_announced' }
  /** Somebody else was first; or it took so long that others may soon take it for dead. */
  | { type: 'intent'; written: boolean; late: boolean }
  | { type: 'captured' }
  | { type: 'failed'; request: FailedRequest }
  /** `older_sibling`: another request from the same parent, sent earlier, was written first. */
  | { type: 'committed'; result: 'mine' | 'older_sibling' | 'moved' }
  | { type: 'ended'; recorded: boolean };

/** Where the machine stands. */
export interface RotationState {
  record: TokenRecord | null;
  usesRefreshToken: boolean;
  hasFallback: boolean;
  request: RequestChoice;
  end: EndOfAttempt | null;
}

/** The machine's answer to an event. */
export interface RotationStep {
  state: RotationState;
  effect: RotationEffect;
}

const READ: RotationEffect = { do: 'read' };

/** The first step: look. */
export function startRotation(): RotationStep {
  const state: RotationState = {
    record: null,
    usesRefreshToken: false,
    hasFallback: false,
    request: 'first',
    end: null,
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
      const { usesRefreshToken, hasFallback } = event;
      const planned: RotationState = { ...state, usesRefreshToken, hasFallback, request: 'first' };
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
    case 'captured':
      return { state, effect: { do: 'commit', ...answerOf(state) } };
    case 'failed':
      return afterFailure(state, event.request, facts);
    case 'committed':
      return afterCommit(state, event.result);
    case 'ended':
      return afterEnd(state, event.recorded);
  }
}

/** What a commit is made against, and whether the refresh token in hand goes on serving. */
function answerOf(state: RotationState): { record: TokenRecord; keepRefreshToken: boolean } {
  const keepRefreshToken = state.request === 'first' && state.usesRefreshToken;
  return { record: recordOf(state), keepRefreshToken };
}

/** Rule R8: of two answers from one parent the one that was sent later stays. */
function afterCommit(
  state: RotationState,
  result: Extract<RotationEvent, { type: 'committed' }>['result'],
): RotationStep {
  switch (result) {
    case 'mine':
      return { state, effect: { do: 'return', outcome: 'issued' } };
    case 'older_sibling':
      return { state, effect: { do: 'commit_sibling', ...answerOf(state) } };
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
  if (record === null) {
    const effect = {
      do: 'fail',
      type: 'Connection.not_found',
      final: true,
      retryInMs: null,
    } as const;
    return { state: next, effect };
  }
  const decision = decideIssue(record, facts.input, isRepeatable(facts));
  switch (decision.action) {
    case 'current':
      return { state: next, effect: { do: 'return', outcome: 'current' } };
    case 'fail':
      return {
        state: next,
        effect: { do: 'fail', type: decision.type, final: true, retryInMs: null },
      };
    case 'wait':
      return { state: next, effect: { do: 'wait', until: decision.until, type: decision.type } };
    case 'announce_takeover':
      return {
        state: next,
        effect: { do: 'announce_takeover', record, attemptId: decision.attempt.id },
      };
    case 'request':
      return { state: next, effect: { do: 'plan', record } };
  }
}

/** Asking twice loses nothing: no outcome is ever unknown, and nobody has to be waited for long. */
function isRepeatable(facts: RotationFacts): boolean {
  return facts.grantType === 'client_credentials';
}

function replacedBy({ attempt }: TokenRecord, facts: RotationFacts): ReplacedAttempt | null {
  return attempt === null ? null : { id: attempt.id, outcomeUnknown: !isRepeatable(facts) };
}

function afterNoPlan(
  state: RotationState,
  event: Extract<RotationEvent, { type: 'not_planned' }>,
  facts: RotationFacts,
): RotationStep {
  const { failureType, final, blocks } = event;
  const outcome: RequestOutcome = {
    ...decideOutcome(NOT_SENT, requestFacts(state, facts)),
    type: failureType,
    state: blocks ? 'blocked' : null,
  };
  if (final) outcome.retryInMs = null;
  return end(state, { hasIntent: false, outcome, failureType });
}

const NOT_SENT: FailedRequest = { certainty: 'not_sent', code: 'unreachable', retryAfterMs: null };

function afterIntent(
  state: RotationState,
  { written, late }: Extract<RotationEvent, { type: 'intent' }>,
  facts: RotationFacts,
): RotationStep {
  if (!written) return { state, effect: READ };
  if (!late) return { state, effect: { do: 'send', request: 'first' } };
  // Step S3: the process or MongoDB stood still; another may hold the refresh token by now.
  const failureType: FailureType = 'Store.unavailable';
  const outcome = { ...decideOutcome(NOT_SENT, requestFacts(state, facts)), type: failureType };
  return end(state, { hasIntent: true, outcome, failureType });
}

/** Rules R0 and R7: what a failed request says about the grant. */
function afterFailure(
  state: RotationState,
  request: FailedRequest,
  facts: RotationFacts,
): RotationStep {
  const outcome = decideOutcome(request, requestFacts(state, facts));
  if (outcome.tryClientCredentials && state.hasFallback && state.request === 'first') {
    return {
      state: { ...state, request: 'fallback' },
      effect: { do: 'send', request: 'fallback' },
    };
  }
  // The fallback was only tried because the refresh token in hand was refused.
  const dropGrant = outcome.dropGrant || state.request === 'fallback';
  const ended = { ...outcome, dropGrant };
  return end(state, { hasIntent: true, outcome: ended, failureType: callerFailureType(outcome) });
}

function requestFacts(state: RotationState, { grantType, attempt }: RotationFacts): RequestFacts {
  const { record } = state;
  const leftByAnother = record?.attempt != null && grantType === 'refresh_token';
  return {
    grantType,
    usedRefreshToken: state.usesRefreshToken && state.request === 'first',
    hadUnknown: (record?.unknown.length ?? 0) > 0 || leftByAnother,
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
  if (!recorded && ending.hasIntent) return { state, effect: READ };
  const { outcome, failureType } = ending;
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
