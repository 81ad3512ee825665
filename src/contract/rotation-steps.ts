/** What the rotation machine (rotation.ts) is told and what it asks for. No token is in any of it. */
import type { IssuedGrant } from './decide-issue.js';
import type { FailedRequest, RequestOutcome } from './decide-outcome.js';
import type { FailureType } from './failure-types.js';
import type { EnsureTokenInput } from './messages.js';
import type { TokenRecord } from './token-record.js';

/** What does not change while a token request is made. */
export interface RotationFacts extends IssuedGrant {
  input: EnsureTokenInput;
  /** How many attempts failed in a row, the one under way included. */
  attempt: number;
}

/** A failed attempt to write down; the own attempt's, or one that ended before its intent. */
export interface EndOfAttempt {
  hasIntent: boolean;
  outcome: RequestOutcome;
  /** What the asker gets. */
  failureType: string;
}

/** An attempt whose owner is taken for dead. */
export interface ReplacedAttempt {
  id: string;
  outcomeUnknown: boolean;
  /** The grant may be lost with it. */
  atRisk: boolean;
}

/** One thing to do in the world. */
export type RotationEffect =
  | { do: 'read' }
  /** Look again at `until` (MongoDB's clock); `type` is why, for whoever does not wait. */
  | { do: 'wait'; until: number; type: string }
  | { do: 'plan'; record: TokenRecord }
  | { do: 'announce_takeover'; record: TokenRecord; attemptId: string; atRisk: boolean }
  | { do: 'write_intent'; record: TokenRecord; replaces: ReplacedAttempt | null }
  /** 0: the planned request; n: its n-th fallback. */
  | { do: 'send'; request: number }
  | { do: 'commit'; record: TokenRecord; request: number }
  /** Replace an older sibling: the authorization server holds the later one for the current. */
  | { do: 'commit_sibling'; record: TokenRecord; request: number; generation: number }
  | { do: 'end_attempt'; record: TokenRecord; end: EndOfAttempt }
  | { do: 'return'; outcome: 'issued' | 'current' }
  | { do: 'fail'; type: string; final: boolean; retryInMs: number | null };

/** What came of an effect. */
export type RotationEvent =
  | { type: 'read'; record: TokenRecord | null }
  | { type: 'waited' }
  /**
   * `fallbacks`: requests to send when the refresh token is refused, without one or with that of a
   * sibling.
   */
  | { type: 'planned'; usesRefreshToken: boolean; fallbacks: number }
  /** Something that has to be there before sending is not: nothing was sent. */
  | { type: 'not_planned'; failureType: FailureType; final: boolean }
  | { type: 'takeover_announced' }
  /** Somebody else was first; or it took so long that others may soon take it for dead. */
  | { type: 'intent'; written: boolean; late: boolean }
  | { type: 'captured' }
  | { type: 'failed'; request: FailedRequest }
  | { type: 'committed'; result: 'mine' | 'moved' }
  /** Another request from the same parent, sent earlier, was written first, as `generation`. */
  | { type: 'committed'; result: 'older_sibling'; generation: number }
  | { type: 'ended'; recorded: boolean };

/** Where the machine stands. */
export interface RotationState {
  record: TokenRecord | null;
  usesRefreshToken: boolean;
  fallbacks: number;
  /** Which request is under way. */
  request: number;
  end: EndOfAttempt | null;
  /** This run has sent a refresh token again (rule R4); the next time is another run's. */
  resent: boolean;
}

/** The machine's answer to an event. */
export interface RotationStep {
  state: RotationState;
  effect: RotationEffect;
}
