import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { Command } from 'commander';
import type { EnsureAccessTokenInput, TokenRef } from '../contract/messages.js';
import { ENSURE_ACCESS_TOKEN_WORKFLOW } from '../contract/names.js';
import { parseConnectionId, timeoutOption } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import { CommandError } from './command-error.js';
import { REQUEST_MS, type CliContext } from './context.js';
import { durationText, parseDuration } from './durations.js';
import { fieldLines, timeText } from './output.js';
import { whyNoAnswer } from './pollers.js';
import { isDeadline } from './temporal-errors.js';

interface TokenOptions extends JsonOption {
  minValid?: number;
  timeout: number;
}

/** The workflow gives up a little earlier than the command, so that its reason arrives. */
const REPORT_MS = 1_000;
/** When people are told what is waited for. */
const PATIENCE_MS = 2_000;

/** `token`: makes sure that a valid token is stored, and says which. */
export function defineToken(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'the connection', parseConnectionId)
    .option('--min-valid <time>', 'how long it must still be valid, such as 60s', parseDuration)
    .addOption(timeoutOption('how long to wait'))
    .action((connectionId: string, options: TokenOptions) =>
      cli.withContext([], async (context) => {
        const result = await ensure(context, cli, connectionId, options);
        cli.print(options, result, tokenText);
      }),
    );
}

async function ensure(
  context: CliContext,
  cli: Cli,
  connectionId: string,
  { minValid, timeout, json }: TokenOptions,
): Promise<TokenRef> {
  const input: EnsureAccessTokenInput = {
    connectionId,
    ...(minValid === undefined ? {} : { minValidMs: minValid }),
    timeoutMs: Math.max(timeout - REPORT_MS, Math.ceil(timeout / 2)),
  };
  const { client, connection } = await context.temporal();
  const { taskQueue } = context.config;
  const workflowId = `oauth-token-ensure/${connectionId}/${randomUUID()}`;
  const handle = await connection.withDeadline(Date.now() + REQUEST_MS, () =>
    client.workflow.start(ENSURE_ACCESS_TOKEN_WORKFLOW, {
      workflowId,
      taskQueue,
      args: [input],
      // Without a worker it must not wait in the task queue for ever.
      workflowExecutionTimeout: timeout + REQUEST_MS,
      staticSummary: `OAuth 2.0 token of ${connectionId}, asked for on the command line`,
    }),
  );
  const waiting = `workflow ${workflowId} on task queue ${taskQueue}, at most ${durationText(timeout)}`;
  const timer = setTimeout(() => {
    if (json !== true) cli.note(`Waiting for ${waiting}…`);
  }, PATIENCE_MS);
  try {
    return await connection.withDeadline(
      Date.now() + timeout,
      () => handle.result() as Promise<TokenRef>,
    );
  } catch (error) {
    throw isDeadline(error) ? await timedOut(context, handle, waiting) : error;
  } finally {
    clearTimeout(timer);
  }
}

async function timedOut(
  context: CliContext,
  { workflowId }: Pick<WorkflowHandle, 'workflowId'>,
  waiting: string,
): Promise<CommandError> {
  const message = `No answer from ${waiting}. ${await whyNoAnswer(context)}`;
  // Nobody waits for it any more.
  const { client } = await context.temporal();
  await client.workflow
    .getHandle(workflowId)
    .terminate('The command that asked gave up.')
    .catch(() => undefined);
  return new CommandError(message, {
    exitStatus: 1,
    type: 'Token.refresh_in_progress',
    final: false,
  });
}

function tokenText(token: TokenRef): string {
  const fields = fieldLines([
    ['token', `${token.tokenType}, epoch ${token.epoch}, generation ${token.generation}`],
    ['scope', token.scope],
    ['expires', timeText(token.expiresAt) ?? 'not known'],
  ]);
  return `Connection ${token.connectionId} has a valid token.\n${fields}`;
}
