import { authorizationWorkflowId } from '../contract/consent-messages.js';
import type { TokenRef } from '../contract/messages.js';
import type { Cli } from './cli.js';
import { CommandError } from './command-error.js';
import type { CliContext } from './context.js';
import { durationText } from './durations.js';
import { unservedQueues, whyNoAnswer } from './pollers.js';
import { isDeadline } from './temporal-errors.js';

/** What is waited for, and how long. */
export interface RedemptionWait {
  authorizationId: string;
  /** Until `performance.now()` is so much. */
  deadline: number;
}

/** When people are told that no worker is there. */
const PATIENCE_MS = 3_000;

/**
 * Waits until an authorization is redeemed. While no worker runs it says so; the consent waits too.
 *
 * @throws CommandError `Token.refresh_in_progress` when the time is over first; the workflow's failure
 */
export async function waitForRedemption(
  context: CliContext,
  cli: Cli,
  { authorizationId, deadline }: RedemptionWait,
): Promise<TokenRef> {
  const { client, connection } = await context.temporal();
  const workflowId = authorizationWorkflowId(authorizationId);
  const timer = setTimeout(() => void sayWhatIsMissing(context, cli), PATIENCE_MS);
  const leftMs = Math.max(deadline - performance.now(), 1);
  try {
    const handle = client.workflow.getHandle(workflowId);
    return await connection.withDeadline(
      Date.now() + leftMs,
      () => handle.result() as Promise<TokenRef>,
    );
  } catch (error) {
    if (!isDeadline(error)) throw error;
    const message =
      `The authorization is not redeemed yet: workflow ${workflowId} goes on without this command. ` +
      (await whyNoAnswer(context));
    throw new CommandError(message, {
      ...{ exitStatus: 1, type: 'Token.refresh_in_progress', final: false },
    });
  } finally {
    clearTimeout(timer);
  }
}

async function sayWhatIsMissing(context: CliContext, cli: Cli): Promise<void> {
  const unserved = await unservedQueues(context).catch(() => []);
  if (unserved.length === 0) return;
  const { namespace } = context.config;
  cli.note(
    `Waiting for a worker: none polls ${unserved.join(' and ')} in namespace ${namespace}. ` +
      'Start one with `oauth-tokens worker`; what was consented to is kept.',
  );
}

/** How long is waited, for people. */
export function atMost(deadline: number): string {
  const leftMs = Math.max(deadline - performance.now(), 0);
  return `at most ${durationText(Math.ceil(leftMs / 1_000) * 1_000)}`;
}
