import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { recordedFailure } from '../failures.js';

/** The ApplicationFailure an activity ended with, however deep; null: there is none. */
export function applicationFailureOf(error: unknown): ApplicationFailure | null {
  for (let current = error, depth = 0; current instanceof Error && depth < 8; depth += 1) {
    if (current instanceof ApplicationFailure) return current;
    current = current.cause;
  }
  return null;
}

/** Whether an activity's time was over, rather than its last attempt final. */
export function timeIsOver(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  return error.retryState === 'TIMEOUT' || error.cause instanceof TimeoutFailure;
}

/**
 * An activity's failure as a workflow passes it on: the ApplicationFailure itself, of the last
 * recorded type when the time was over, so that a parent need not dig.
 */
export function passedOn(error: unknown, connectionId: string): unknown {
  const cause = applicationFailureOf(error);
  if (cause === null) {
    return timeIsOver(error)
      ? recordedFailure('Token.refresh_in_progress', { connectionId, final: true })
      : error;
  }
  return ApplicationFailure.create({
    message: cause.message,
    type: cause.type ?? 'Unexpected',
    nonRetryable: cause.nonRetryable ?? false,
    ...retryDelayOf(cause),
    ...(cause.details === undefined || cause.details === null ? {} : { details: cause.details }),
    ...(cause.category == null ? {} : { category: cause.category }),
  });
}

/** When a retry makes sense, as the activity said. */
function retryDelayOf({ nextRetryDelay }: ApplicationFailure): { nextRetryDelay?: number } {
  // What crossed Temporal is a number of milliseconds.
  return typeof nextRetryDelay === 'number' ? { nextRetryDelay } : {};
}
