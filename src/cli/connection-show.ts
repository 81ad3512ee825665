import type { Command } from 'commander';
import { showConnection } from '../connections/index.js';
import { failure } from '../failures.js';
import { readConnection } from '../store/index.js';
import { parseConnectionId } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';

/** `connection show`: the file back, without secrets. */
export function defineConnectionShow(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'the connection', parseConnectionId)
    .action((connectionId: string, options: JsonOption) =>
      cli.withContext(['MONGODB_URI'], async (context) => {
        const found = await readConnection(await context.database(), connectionId);
        if (found === null) throw failure('Connection.not_found', { connectionId });
        // The file is JSON for people too.
        cli.print(options, showConnection(found), (shown) => `${JSON.stringify(shown, null, 2)}\n`);
      }),
    );
}
