import { activityInfo } from '@temporalio/activity';
import type { ParkingInput } from '../contract/messages.js';
import { nextLookMs } from '../contract/parking.js';
import { failure, failureTypeOf } from '../failures.js';
import { readToken, registerParked, type TokenDatabase } from '../store/index.js';

/**
 * Runs what needs a grant. When a person has to act first, and the caller wants to wait for that, the
 * calling workflow is registered for the wake-up and the failure is retried, later and later: until then
 * the activity holds nothing on any worker.
 *
 * @throws ApplicationFailure `Token.reauthorization_required`, final unless the caller waits
 */
export async function parkedUntilAuthorized<T>(
  database: TokenDatabase,
  { connectionId, onReauthorization }: ParkingInput & { connectionId: string },
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (onReauthorization !== 'wait') throw error;
    if (failureTypeOf(error) !== 'Token.reauthorization_required') throw error;
  }
  await registerCaller(database, connectionId);
  // Only now: a consent before the registration woke everybody but this one.
  const read = await readToken(database, connectionId);
  const { attempt } = activityInfo();
  throw failure('Token.reauthorization_required', {
    connectionId,
    waits: true,
    nextRetryDelayMs: nextLookMs(read?.record ?? null, attempt, Math.random()),
  });
}

/** Registers the workflow that called the activity for the signal `authorized`. */
export async function registerCaller(database: TokenDatabase, connectionId: string): Promise<void> {
  const { workflowExecution } = activityInfo();
  if (workflowExecution === undefined) return;
  const { workflowId, runId } = workflowExecution;
  await registerParked(database, { connectionId, workflowId, runId });
}
