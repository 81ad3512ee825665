/** What the redemption machine (redemption.ts) is told and what it asks for. No secret is in it. */
import type { AuthorizationRecord } from './authorization-record.js';
import type { FailedRequest } from './decide-outcome.js';
import type { FailureType } from './failure-types.js';

/** How a token request ended that brought nothing, with what follows from it. */
export interface Release {
  /** How many requests have ended without a known outcome by now. */
  unknown: number;
  /** The pause between polls from now on. */
  intervalMs: number;
  /** No poll before this much time has passed; null: this is not polled. */
  pollInMs: number | null;
  /** What the asker gets; null: a device whose person has not answered. */
  failure: { type: FailureType; retryInMs: number } | null;
}

/** One thing to do in the world. */
export type RedemptionEffect =
  /** The authorization, its connection and its token record. */
  | { do: 'read' }
  /** Look again at `until` (MongoDB's clock). */
  | { do: 'wait'; until: number }
  | { do: 'plan'; record: AuthorizationRecord }
  /** `replaces`: an attempt whose owner is taken for dead. */
  | { do: 'write_intent'; record: AuthorizationRecord; replaces: string | null }
  | { do: 'send' }
  /** Keep the answer, whatever it is worth. */
  | { do: 'store_answer'; record: AuthorizationRecord }
  /** The request brought nothing: the code, or the next poll, may be tried again. */
  | { do: 'release'; record: AuthorizationRecord; release: Release }
  | { do: 'validate'; record: AuthorizationRecord }
  /** Start the next epoch with the answer. */
  | { do: 'commit'; record: AuthorizationRecord }
  /** Have the authorization server end tokens that nobody will use; best effort. */
  | { do: 'revoke_answer'; record: AuthorizationRecord }
  /** The authorization has failed for good; whatever is sealed in it is erased. */
  | { do: 'end'; record: AuthorizationRecord; type: FailureType }
  | { do: 'return'; outcome: 'done' }
  /** The person has not answered: come back. */
  | { do: 'return'; outcome: 'pending'; inMs: number }
  | { do: 'fail'; type: string; final: boolean; retryInMs: number | null };

/** What came of an effect. */
export type RedemptionEvent =
  /** `incarnation`: of the connection's token record; null: the connection is not there any more. */
  | {
      type: 'read';
      record: AuthorizationRecord | null;
      incarnation: string | null;
      /** A revocation or another grant came after it had begun. */
      superseded: boolean;
    }
  | { type: 'waited' }
  | { type: 'planned' }
  /** Something that has to be there before sending is not: nothing was sent. */
  | { type: 'not_planned'; failureType: FailureType; final: boolean }
  /** Somebody else was first; or it took so long that others may soon take it for dead. */
  | { type: 'intent'; written: boolean; late: boolean }
  | { type: 'captured' }
  | { type: 'failed'; request: FailedRequest }
  /** Not written: the record had moved. */
  | { type: 'stored' }
  | { type: 'released'; written: boolean }
  | { type: 'valid' }
  | { type: 'invalid'; failureType: FailureType }
  /** Whether it is valid cannot be told now. */
  | { type: 'not_validated'; failureType: FailureType; retryInMs: number | null }
  | { type: 'committed'; written: boolean }
  | { type: 'revoked' }
  | { type: 'ended' };

/** Where the machine stands. */
export interface RedemptionState {
  record: AuthorizationRecord | null;
  /** Why the answer is refused, while its tokens are revoked. */
  refused: FailureType | null;
  /** What the asker gets once the release is written. */
  release: Release | null;
}

/** The machine's answer to an event. */
export interface RedemptionStep {
  state: RedemptionState;
  effect: RedemptionEffect;
}
