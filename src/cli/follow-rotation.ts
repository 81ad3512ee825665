import type { WorkflowHandle } from '@temporalio/client';
import type { RotateKeysInput, RotateKeysResult } from '../contract/key-rotation.js';
import { ROTATE_KEYS_WORKFLOW, rotateKeysWorkflowId } from '../contract/names.js';
import { countRecordsOfKeys } from '../store/index.js';
import type { Cli } from './cli.js';
import { CommandError } from './command-error.js';
import { REQUEST_MS, type CliContext } from './context.js';
import { durationText } from './durations.js';
import { whyNoAnswer } from './pollers.js';
import { isDeadline } from './temporal-errors.js';

const PROGRESS_MS = 2_000;

const DETAILS = [
  'Seals every record that needs an older key with the active one, while tokens are issued and used.',
  'It holds no secret. To pause it, cancel it: `oauth-tokens keys rotate` goes on with what is left.',
].join('\n');

/** A rotation to start or join, and how it is waited for. */
export interface FollowedRotation {
  active: { access: string; grant: string };
  stale: string[];
  timeoutMs: number;
  /** What people asked for as the time to wait. */
  waitsMs: number;
  /** No progress lines. */
  quiet: boolean;
}

/**
 * Starts `rotateKeys`, or joins the one that runs, and tells how far it is until it ends.
 *
 * @throws CommandError `Keys.rotation_in_progress` when the time is over: it goes on
 */
export async function followRotation(
  context: CliContext,
  cli: Cli,
  { active, stale, timeoutMs, waitsMs, quiet }: FollowedRotation,
): Promise<RotateKeysResult> {
  const { connection } = await context.temporal();
  const handle = await start(context, active);
  const progress = quiet ? null : tellProgress(context, cli, { stale, handle });
  try {
    return await connection.withDeadline(
      Date.now() + Math.max(timeoutMs, 1),
      () => handle.result() as Promise<RotateKeysResult>,
    );
  } catch (error) {
    if (!isDeadline(error)) throw error;
    const left = await countRecordsOfKeys(await context.database(), stale);
    throw new CommandError(
      `Workflow ${handle.workflowId} has ${left} records left after ${durationText(waitsMs)} ` +
        `and goes on; run the command again to wait for it. ${await whyNoAnswer(context)}`,
      { exitStatus: 1, type: 'Keys.rotation_in_progress', final: false },
    );
  } finally {
    progress?.stop();
  }
}

async function start(
  context: CliContext,
  active: FollowedRotation['active'],
): Promise<WorkflowHandle> {
  const { client, connection } = await context.temporal();
  const { taskQueue } = context.config;
  const input: RotateKeysInput = { active };
  return connection.withDeadline(Date.now() + REQUEST_MS, () =>
    client.workflow.start(ROTATE_KEYS_WORKFLOW, {
      workflowId: rotateKeysWorkflowId(taskQueue),
      taskQueue,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: 'Seals every record with the active keys',
      staticDetails: DETAILS,
    }),
  );
}

/** Tells now and then how many records are left, counted in MongoDB, and what holds it up. */
function tellProgress(
  context: CliContext,
  cli: Cli,
  { stale, handle }: { stale: string[]; handle: WorkflowHandle },
): { stop: () => void } {
  const startedAt = performance.now();
  let first: number | null = null;
  const tell = async (): Promise<void> => {
    const left = await countRecordsOfKeys(await context.database(), stale);
    first ??= left;
    const done = first - left;
    const perSecond = Math.round((done * 1_000) / (performance.now() - startedAt));
    const pace = done === 0 ? '' : `, ${perSecond} a second`;
    cli.note(`${done} records sealed anew, ${left} left${pace}${await holdUp(handle)}`);
  };
  // What cannot be told now is told the next time; the command itself waits for the result.
  const timer = setInterval(() => void tell().catch(() => undefined), PROGRESS_MS);
  return { stop: () => clearInterval(timer) };
}

/** The last failure of an activity that is tried again; its message is of our own words. */
async function holdUp(handle: WorkflowHandle): Promise<string> {
  const { raw } = await handle.describe();
  const [message] = (raw.pendingActivities ?? []).flatMap(({ lastFailure }) =>
    lastFailure?.message ? [lastFailure.message] : [],
  );
  return message === undefined ? '' : `. Last failure: ${message}`;
}
