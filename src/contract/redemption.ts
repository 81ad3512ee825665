/**
 * The redemption of an authorization as one pure machine: a state, an event and MongoDB's clock (in
 * the record) give the next state and the one effect to carry out. A code is exchanged once, and
 * once more only by rule; an answer is stored before it is judged; the next epoch starts last.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-4.1.3
 */
import { attemptDelayMs } from './backoff.js';
import type { AuthorizationRecord } from './authorization-record.js';
import { decideRedemption, maySend } from './decide-redemption.js';
import type { FailedRequest } from './decide-outcome.js';
import type { FailureType } from './failure-types.js';
import type {
  RedemptionEffect,
  RedemptionEvent,
  RedemptionState,
  RedemptionStep,
} from './redemption-steps.js';

const READ: RedemptionEffect = { do: 'read' };
const RETRY_MS = 1_000;
/** How soon to look again for an answer of a person that is not asked by polling. */
const LOOK_AGAIN_MS = 5_000;

/** The first step: look. */
export function startRedemption(): RedemptionStep {
  return { state: { record: null, refused: null, release: null }, effect: READ };
}

/**
 * The next step.
 *
 * @param attempt - how many attempts failed in a row, this one included
 * @throws TypeError on an event that does not follow from the last effect
 */
export function nextRedemptionStep(
  state: RedemptionState,
  event: RedemptionEvent,
  attempt: number,
): RedemptionStep {
  switch (event.type) {
    case 'read':
      return afterRead(state, event);
    case 'waited':
    case 'stored':
    case 'ended':
      return { state, effect: READ };
    case 'planned': {
      const record = recordOf(state);
      return {
        state,
        effect: { do: 'write_intent', record, replaces: record.attempt?.id ?? null },
      };
    }
    case 'not_planned':
      return event.final
        ? end(state, event.failureType)
        : retry(state, event.failureType, attemptDelayMs(attempt, null));
    case 'intent':
      return afterIntent(state, event);
    case 'captured':
      return { state, effect: { do: 'store_answer', record: recordOf(state) } };
    case 'failed':
      return afterFailure(state, event.request, attempt);
    case 'released':
      return afterRelease(state, event.written);
    case 'valid':
      return { state, effect: { do: 'commit', record: recordOf(state) } };
    case 'invalid': {
      const refused = { ...state, refused: event.failureType };
      return { state: refused, effect: { do: 'revoke_answer', record: recordOf(state) } };
    }
    case 'not_validated':
      return retry(state, event.failureType, event.retryInMs ?? attemptDelayMs(attempt, null));
    case 'revoked':
      return end(state, state.refused ?? 'Authorization.lost');
    case 'committed':
      return { state, effect: event.written ? { do: 'return', outcome: 'done' } : READ };
  }
}

function recordOf({ record }: RedemptionState): AuthorizationRecord {
  if (record === null) throw new TypeError('A step that needs a record came before it was read.');
  return record;
}

function afterRead(
  before: RedemptionState,
  { record, incarnation, superseded }: Extract<RedemptionEvent, { type: 'read' }>,
): RedemptionStep {
  const state: RedemptionState = { ...before, record, refused: null, release: null };
  if (record === null) return { state, effect: failFor('Authorization.expired') };
  const { phase, outcome } = record;
  if (phase === 'done') return { state, effect: { do: 'return', outcome: 'done' } };
  if (phase === 'failed') return { state, effect: failFor(outcome?.type ?? 'Authorization.lost') };
  // Removed, and perhaps put anew: nobody consented to that one.
  if (record.incarnation !== incarnation) return end(state, 'Connection.not_found');
  if (superseded) return supersede(state, record);
  switch (phase) {
    case 'captured':
      return { state, effect: { do: 'validate', record } };
    case 'redeeming':
      return afterAttemptOfAnother(state, record);
    case 'received':
      return sendOrLose(state, record, record.unknown);
    case 'pending':
      return whilePending(state, record);
  }
}

/** Nothing is sent any more; the answer to what was sent is waited for, to be revoked. */
function supersede(before: RedemptionState, record: AuthorizationRecord): RedemptionStep {
  const state: RedemptionState = { ...before, refused: 'Authorization.superseded' };
  const { phase, attempt, now } = record;
  if (phase === 'captured') return { state, effect: { do: 'revoke_answer', record } };
  const waits = phase === 'redeeming' && attempt !== null && attempt.deadline > now;
  return waits
    ? { state, effect: { do: 'wait', until: attempt.deadline } }
    : end(state, 'Authorization.superseded');
}

/** Somebody has sent, or was about to: as long as it may live it is waited for. */
function afterAttemptOfAnother(
  state: RedemptionState,
  record: AuthorizationRecord,
): RedemptionStep {
  const { attempt, now } = record;
  if (attempt !== null && attempt.deadline > now) {
    return { state, effect: { do: 'wait', until: attempt.deadline } };
  }
  return sendOrLose(state, record, record.unknown + 1);
}

function sendOrLose(
  state: RedemptionState,
  record: AuthorizationRecord,
  unknown: number,
): RedemptionStep {
  return maySend(record, unknown)
    ? { state, effect: { do: 'plan', record } }
    : end(state, 'Authorization.lost');
}

function whilePending(state: RedemptionState, record: AuthorizationRecord): RedemptionStep {
  const { kind, now, expiresAt, pollAfter, unknown } = record;
  if (now >= expiresAt) {
    // The person may have consented in time, and the answer to that poll was lost.
    return end(state, unknown > 0 ? 'Authorization.lost' : 'Authorization.expired');
  }
  const inMs = kind === 'device_code' ? (pollAfter ?? now) - now : LOOK_AGAIN_MS;
  if (inMs <= 0) return { state, effect: { do: 'plan', record } };
  const untilExpiry = expiresAt - now;
  return { state, effect: { do: 'return', outcome: 'pending', inMs: Math.min(inMs, untilExpiry) } };
}

function afterIntent(
  state: RedemptionState,
  { written, late }: Extract<RedemptionEvent, { type: 'intent' }>,
): RedemptionStep {
  if (!written) return { state, effect: READ };
  if (!late) return { state, effect: { do: 'send' } };
  // The process or MongoDB stood still; another may have sent the code by now. This one has not.
  const record = recordOf(state);
  const unknown = unknownNow(record);
  const failure = { type: 'Store.unavailable', retryInMs: RETRY_MS } as const;
  const { intervalMs, kind } = record;
  const pollInMs = kind === 'device_code' ? intervalMs : null;
  return release(state, { unknown, intervalMs, pollInMs, failure });
}

/** Unknown outcomes, that of a dead owner whose attempt was replaced among them. */
function unknownNow({ unknown, attempt }: AuthorizationRecord): number {
  return unknown + (attempt === null ? 0 : 1);
}

function afterFailure(
  state: RedemptionState,
  request: FailedRequest,
  attempt: number,
): RedemptionStep {
  const record = recordOf(state);
  const sent = { ...record, unknown: unknownNow(record) };
  const decision = decideRedemption(request, sent, attempt);
  return decision.action === 'end' ? end(state, decision.type) : release(state, decision.release);
}

function release(
  state: RedemptionState,
  released: NonNullable<RedemptionState['release']>,
): RedemptionStep {
  return {
    state: { ...state, release: released },
    effect: { do: 'release', record: recordOf(state), release: released },
  };
}

function afterRelease(state: RedemptionState, written: boolean): RedemptionStep {
  const failure = state.release?.failure ?? null;
  if (!written || failure === null) return { state, effect: READ };
  return retry(state, failure.type, failure.retryInMs);
}

function end(state: RedemptionState, type: FailureType): RedemptionStep {
  return { state, effect: { do: 'end', record: recordOf(state), type } };
}

function retry(state: RedemptionState, type: FailureType, retryInMs = RETRY_MS): RedemptionStep {
  return { state, effect: { do: 'fail', type, final: false, retryInMs } };
}

function failFor(type: string): RedemptionEffect {
  return { do: 'fail', type, final: true, retryInMs: null };
}
