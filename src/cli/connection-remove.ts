import type { Command } from 'commander';
import { removeConnection, type RemoveResult } from '../connections/index.js';
import { hasTokens } from '../contract/decide-revocation.js';
import type { RevokedTokens } from '../contract/messages.js';
import { readConnection, readToken } from '../store/index.js';
import { parseConnectionId, timeoutOption } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import { CommandError } from './command-error.js';
import { REQUEST_MS, type CliContext } from './context.js';
import { revoke, revokedText, unconfirmed } from './revoke.js';

interface RemoveOptions extends JsonOption {
  timeout: number;
  keepGrant?: boolean;
}

/** What `connection remove` prints (contract §6). */
export interface RemoveOutput extends RemoveResult {
  /** What the authorization server revoked before; null: it was not asked. */
  revoked?: RevokedTokens;
}

/** `connection remove`: has the tokens revoked, deletes both documents and ends the lifecycle. */
export function defineConnectionRemove(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'the connection', parseConnectionId)
    .option('--keep-grant', 'do not have the tokens revoked: they live until they expire')
    .addOption(timeoutOption('how long to wait for the authorization server to revoke'))
    .action((connectionId: string, options: RemoveOptions) =>
      cli.withContext(['MONGODB_URI'], async (context) => {
        await context.dataConverter();
        const database = await context.ownDatabase();
        const revoked = await revokeBefore(context, cli, { connectionId, ...options });
        const lifecycle = { end: (id: string) => end(context, id) };
        const result = await removeConnection({ database, lifecycle }, connectionId);
        cli.print(options, { ...result, ...(revoked === null ? {} : { revoked }) }, removeText);
      }),
    );
}

/**
 * Has the tokens revoked where the authorization server can: once the documents are gone nobody knows
 * them any more.
 *
 * @throws CommandError when it has not confirmed in time; then nothing is removed
 */
async function revokeBefore(
  context: CliContext,
  cli: Cli,
  options: RemoveOptions & { connectionId: string },
): Promise<RevokedTokens | null> {
  const { connectionId, timeout } = options;
  if (options.keepGrant === true) return null;
  const database = await context.database();
  const [read, token] = await Promise.all([
    readConnection(database, connectionId),
    readToken(database, connectionId),
  ]);
  const server = read?.connection.authorizationServer;
  if (server?.revocationEndpoint == null || token === null || !hasTokens(token.record)) return null;
  const result = await revoke(context, cli, options);
  if (result.state === 'revoked') return result.revoked;
  const { type, final, retryAt, message } = await unconfirmed(context, connectionId, {
    ...{ result, timeout },
  });
  const goOn =
    'Nothing is removed yet: repeat the command when `oauth-tokens status` says revoked, or remove it ' +
    'without revoking: --keep-grant.';
  throw new CommandError(`${message} ${goOn}`, { exitStatus: 1, type, final, retryAt });
}

async function end(context: CliContext, connectionId: string): Promise<boolean> {
  try {
    const { connection } = await context.temporal();
    const lifecycle = await context.lifecycle();
    return await connection.withDeadline(Date.now() + REQUEST_MS, () =>
      lifecycle.end(connectionId),
    );
  } catch {
    throw new CommandError(
      `The records of connection ${connectionId} are gone, but Temporal at ${context.temporalAddress} ` +
        'does not answer: a running lifecycle ends by itself at its next step. Repeat the command to end it now.',
      { exitStatus: 1, type: 'Token.unavailable', final: false },
    );
  }
}

function removeText({ connectionId, removed, revoked }: RemoveOutput): string {
  if (!removed) return `There is no connection ${connectionId}.\n`;
  if (revoked === undefined) return `Connection ${connectionId} removed.\n`;
  return (
    `Connection ${connectionId} removed. Its refresh token: ${revokedText(revoked.refreshToken)}; its ` +
    `access token: ${revokedText(revoked.accessToken)}.\n`
  );
}
