import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow';
import type { ConnectionInput } from '../contract/messages.js';
import { CONNECTION_ID_RULE, isConnectionId, lifecycleWorkflowId } from '../contract/names.js';
import { failure } from '../failures.js';
import { checkEnsureTokenInput } from './ensure-token-input.js';
import { LifecycleRun } from './lifecycle-run.js';
import { configureUpdate, ensureTokenUpdate, revokeUpdate, statusQuery } from './messages.js';
import { TIMEOUTS } from './options.js';
import { autoUpgrade } from './versioning.js';

/**
 * The life of one connection's token: answers those who need one, refreshes ahead of expiry where
 * the connection says so, and ends when nobody needed it for a while; the next caller starts it
 * again. It decides; activities act. Workflow id `oauth-token/<connectionId>`.
 *
 * @throws ApplicationFailure `Connection.invalid` for any other workflow id
 */
export async function tokenLifecycle(input: ConnectionInput): Promise<void> {
  // Whoever starts it by name may send anything, or nothing.
  const given: ConnectionInput | null | undefined = input;
  const { connectionId } = given ?? { connectionId: '' };
  const run = new LifecycleRun(connectionId);
  setHandler(
    ensureTokenUpdate,
    (wanted) => CancellationScope.nonCancellable(() => run.ensureToken(wanted)),
    {
      description: 'Sees to it that a token after the given generation is stored.',
      validator: checkEnsureTokenInput,
    },
  );
  setHandler(
    configureUpdate,
    () => {
      run.configure();
      return {};
    },
    { description: 'The connection was put: look at its record again.' },
  );
  setHandler(revokeUpdate, () => CancellationScope.nonCancellable(() => run.revoke()), {
    description: 'Nobody gets the tokens any more, and the authorization server revokes them.',
  });
  setHandler(statusQuery, () => run.status(), {
    description: 'State, generation, expiry, next refresh and last failure.',
  });
  checkIdentity(connectionId);
  try {
    await live(run);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => drained(run));
    throw error;
  }
  if (!run.gone && workflowInfo().continueAsNewSuggested) {
    await continueAsNew<typeof tokenLifecycle>({ connectionId });
  }
}

setWorkflowOptions(autoUpgrade, tokenLifecycle);

/** Until the run is idle, too long, or its connection gone. */
async function live(run: LifecycleRun): Promise<void> {
  // A caller's update comes with the start: its token request brings news of the record.
  await Promise.resolve();
  while (!run.gone) {
    if (workflowInfo().continueAsNewSuggested) return drained(run);
    if (run.needsLook || run.unseen) await run.look();
    else if (run.untold) await run.announce();
    else if (run.revoking) await untilRevoked(run);
    else if (run.refreshesAhead || run.keepsAlive) await untilRefreshDue(run);
    else if (await idle(run)) break;
  }
  await drained(run);
}

const hasChanged = (run: LifecycleRun): boolean =>
  run.needsLook || run.untold || run.gone || workflowInfo().continueAsNewSuggested;

const hasNews = (run: LifecycleRun): boolean => run.revoking || hasChanged(run);

/** Has the tokens revoked; a server that refused for good is asked again after a long pause. */
async function untilRevoked(run: LifecycleRun): Promise<void> {
  if (run.revocationUnderWay) {
    return condition(() => !run.revocationUnderWay || hasChanged(run));
  }
  const waitMs = run.revokeNotBefore - Date.now();
  if (waitMs > 0) {
    const woken = (): boolean => run.revocationUnderWay || hasChanged(run);
    if (await condition(woken, waitMs, { summary: 'revoke again' })) return;
  }
  run.startRevocation();
}

/** Waits until a refresh is due, and starts it. */
async function untilRefreshDue(run: LifecycleRun): Promise<void> {
  if (run.issuing) return condition(() => !run.issuing || hasNews(run));
  const { dueAt } = run;
  const changed = (): boolean => run.dueAt !== dueAt || run.issuing || hasNews(run);
  if (dueAt === null) return condition(changed);
  const waitMs = dueAt - Date.now();
  if (waitMs > 0) {
    if (await condition(changed, waitMs, { summary: 'next refresh' })) return;
    // Many timers that fire late fire together: after an outage their refreshes spread out again.
    if (Date.now() - dueAt > TIMEOUTS.lateTimerMs) {
      const spreadMs = Math.random() * TIMEOUTS.lateSpreadMs;
      if (await condition(changed, spreadMs, { summary: 'spread after a late timer' })) return;
    }
  }
  run.refreshAhead();
}

/**
 * Waits for the idle time.
 *
 * @returns whether nobody needed the run meanwhile; a timer is not started anew by each message
 */
async function idle(run: LifecycleRun): Promise<boolean> {
  const waitMs = run.lastUsedAt + TIMEOUTS.idleMs - Date.now();
  if (waitMs <= 0 && !run.issuing) return true;
  const woken = await condition(
    () => run.refreshesAhead || run.keepsAlive || hasNews(run),
    Math.max(waitMs, TIMEOUTS.idleMs / 10),
    { summary: 'idle: ends when nobody asks' },
  );
  return !woken && !run.issuing && Date.now() - run.lastUsedAt >= TIMEOUTS.idleMs;
}

/** Answers everybody who waits; a token request under way gets a moment to end. */
async function drained(run: LifecycleRun): Promise<void> {
  run.drain();
  if (run.issuing && !run.gone) {
    await condition(() => !run.issuing, TIMEOUTS.drainMs, { summary: 'token request under way' });
  }
  await condition(allHandlersFinished);
}

function checkIdentity(connectionId: string): void {
  if (!isConnectionId(connectionId)) {
    const detail = `connectionId: must be ${CONNECTION_ID_RULE}.`;
    throw failure('Connection.invalid', { detail });
  }
  const workflowId = lifecycleWorkflowId(connectionId);
  if (workflowInfo().workflowId === workflowId) return;
  const detail = `The workflow id must be ${workflowId}.`;
  throw failure('Connection.invalid', { connectionId, detail });
}
