import type { Command } from 'commander';
import { isFailureType } from '../contract/failure-types.js';
import type { Revoked, RevokeResult } from '../contract/messages.js';
import { recordedFailure } from '../failures.js';
import { parseConnectionId, timeoutOption } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import { CommandError } from './command-error.js';
import type { CliContext } from './context.js';
import { durationText } from './durations.js';
import { reportError } from './errors.js';
import { fieldLines, timeText } from './output.js';
import { whyNoAnswer } from './pollers.js';

interface RevokeOptions extends JsonOption {
  timeout: number;
}

/** What `revoke` prints (contract §6). */
export interface RevokeOutput extends RevokeResult {
  connectionId: string;
}

/** When people are told what is waited for. */
const PATIENCE_MS = 2_000;

/** `revoke`: nobody gets the connection's tokens any more, and the server revokes them. */
export function defineRevoke(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'the connection', parseConnectionId)
    .addOption(timeoutOption('how long to wait for the authorization server'))
    .action((connectionId: string, options: RevokeOptions) =>
      cli.withContext(['MONGODB_URI'], async (context) => {
        const result = await revoke(context, cli, { connectionId, ...options });
        cli.print(options, { connectionId, ...result }, revokeText);
        if (result.state === 'revoked') return;
        cli.exitStatus = 1;
        reportError(await unconfirmed(context, connectionId, { result, ...options }), cli.io);
      }),
    );
}

/**
 * Has the tokens of a connection revoked, and tells people what is waited for.
 *
 * @throws ApplicationFailure `Connection.not_found`; StoreError
 */
export async function revoke(
  context: CliContext,
  cli: Cli,
  { connectionId, timeout, json }: RevokeOptions & { connectionId: string },
): Promise<RevokeResult> {
  const { requestRevocation } = await import('../tokens/index.js');
  await context.dataConverter();
  const database = await context.ownDatabase();
  const timer = setTimeout(() => {
    if (json === true) return;
    cli.note(
      `Nobody gets the tokens of ${connectionId} any more. Waiting for the authorization server to ` +
        `revoke them, at most ${durationText(timeout)}…`,
    );
  }, PATIENCE_MS);
  try {
    const lifecycle = { revoke: (id: string, ms: number) => ask(context, id, ms) };
    return await requestRevocation({ database, lifecycle }, connectionId, timeout);
  } finally {
    clearTimeout(timer);
  }
}

/** The record says it already, so Temporal not being there is no failure of the command's. */
async function ask(context: CliContext, connectionId: string, deadlineMs: number) {
  try {
    const lifecycle = await context.lifecycle();
    return await lifecycle.revoke(connectionId, deadlineMs);
  } catch {
    return 'unreachable';
  }
}

/** Why the authorization server has not confirmed within the time. */
export async function unconfirmed(
  context: CliContext,
  connectionId: string,
  { result, timeout }: { result: RevokeResult; timeout: number },
): Promise<CommandError> {
  if (result.state !== 'revoking') {
    const message = `A person has consented to connection ${connectionId} meanwhile; repeat the command to revoke that as well.`;
    return new CommandError(message, {
      exitStatus: 1,
      type: 'Token.revocation_in_progress',
      final: false,
    });
  }
  const { failure, retryAt } = result;
  const type = isFailureType(failure?.type) ? failure.type : 'Token.revocation_in_progress';
  const why =
    failure !== null && type !== 'Token.unavailable'
      ? recordedFailure(type, { connectionId }).message
      : type === 'Token.unavailable'
        ? `Temporal at ${context.temporalAddress} does not answer: a worker goes on when it is back.`
        : await whyNoAnswer(context);
  const message =
    `Nobody gets the tokens of connection ${connectionId} any more, but the authorization server has not ` +
    `confirmed the revocation within ${durationText(timeout)}, so they have to be taken for alive. ${why}`;
  return new CommandError(message, {
    exitStatus: 1,
    type,
    final: failure?.final ?? false,
    retryAt,
  });
}

function revokeText({ connectionId, state, revoked, retryAt }: RevokeOutput): string {
  const fields = fieldLines([
    ['state', state],
    ['refresh token', revokedText(revoked.refreshToken)],
    ['access token', revokedText(revoked.accessToken)],
    ['asked again', timeText(retryAt)],
  ]);
  return `Connection ${connectionId}\n${fields}`;
}

/** What became of a token, in words. */
export function revokedText(revoked: Revoked): string {
  switch (revoked) {
    case true:
      return 'revoked';
    case false:
      return 'not confirmed yet: taken for alive';
    case 'never':
      return 'erased here, but never confirmed: the server does not revoke it, so it lives until it expires';
    case null:
      return 'there was none';
  }
}
