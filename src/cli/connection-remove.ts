import type { Command } from 'commander';
import { removeConnection, type RemoveResult } from '../connections/index.js';
import { parseConnectionId } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import { CommandError } from './command-error.js';
import { REQUEST_MS, type CliContext } from './context.js';

/** `connection remove`: deletes both documents and ends the lifecycle. */
export function defineConnectionRemove(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'the connection', parseConnectionId)
    .action((connectionId: string, options: JsonOption) =>
      cli.withContext(['MONGODB_URI'], async (context) => {
        await context.dataConverter();
        const result = await removeConnection(
          { database: await context.ownDatabase(), lifecycle: { end: (id) => end(context, id) } },
          connectionId,
        );
        cli.print(options, result, removeText);
      }),
    );
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

function removeText({ connectionId, removed }: RemoveResult): string {
  return removed
    ? `Connection ${connectionId} removed.\n`
    : `There is no connection ${connectionId}.\n`;
}
