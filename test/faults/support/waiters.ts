/** Callers of a scenario: every one of them has to end, with a token or a typed failure. */
import { ApplicationFailure } from '@temporalio/common';

/** What a caller got. */
export type Answer =
  { generation: number; type: null } | { generation: null; type: string; final: boolean };

/** A caller, and how it ended. */
export interface Waiter {
  what: string;
  startedAt: number;
  endedAt: number | null;
  /** null: not yet. */
  answer: Answer | null;
}

/** Follows callers. */
export class Waiters {
  readonly all: Waiter[] = [];

  /** Follows one; the promise never rejects. */
  async follow(what: string, call: Promise<{ generation: number }>): Promise<Answer> {
    const waiter: Waiter = { what, startedAt: performance.now(), endedAt: null, answer: null };
    this.all.push(waiter);
    const answer = await call.then(
      ({ generation }): Answer => ({ generation, type: null }),
      (error: unknown): Answer => ({ generation: null, ...typeOf(error) }),
    );
    waiter.endedAt = performance.now();
    waiter.answer = answer;
    return answer;
  }
}

/** The type of the ApplicationFailure, however deep; other errors are named by their class. */
function typeOf(error: unknown): { type: string; final: boolean } {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof ApplicationFailure) {
      return { type: current.type ?? 'none', final: current.nonRetryable === true };
    }
  }
  return { type: error instanceof Error ? error.name : typeof error, final: true };
}
