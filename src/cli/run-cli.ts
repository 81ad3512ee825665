import { Command, CommanderError } from 'commander';
import { createCli, type Cli } from './cli.js';
import type { ExitStatus } from './command-error.js';
import type { CliIo } from './io.js';
import { addCall } from './call.js';
import { addConnectionList } from './connection-list.js';
import { addConnectionPut } from './connection-put.js';
import { addConnectionRemove } from './connection-remove.js';
import { addConnectionShow } from './connection-show.js';
import { addDoctor } from './doctor.js';
import { addKeysExport } from './keys-export.js';
import { addKeysGenerate } from './keys-generate.js';
import { addKeysList } from './keys-list.js';
import { addRefresh } from './refresh.js';
import { addStatus } from './status.js';
import { addToken } from './token.js';
import { addWorker } from './worker.js';

/**
 * Runs one `oauth-tokens` command.
 *
 * @returns the exit status: 0 done, 1 tried and failed, 2 nothing was tried
 */
export async function runCli(io: CliIo): Promise<ExitStatus> {
  const cli = createCli(io);
  const program = createProgram(cli);
  try {
    await program.parseAsync([...io.argv], { from: 'user' });
    return cli.exitStatus;
  } catch (error) {
    if (error instanceof CommanderError && isHelp(error)) return 0;
    const { reportError } = await import('./errors.js');
    return reportError(error, io);
  }
}

function isHelp({ code }: CommanderError): boolean {
  return code === 'commander.helpDisplayed' || code === 'commander.version';
}

function createProgram(cli: Cli): Command {
  const { stdout, stderr, argv } = cli.io;
  const program = new Command('oauth-tokens')
    .description('OAuth 2.0 access tokens for Temporal.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      // With --json the error is written as JSON, by whoever catches it.
      writeErr: (text) => void (argv.includes('--json') || stderr.write(text)),
    })
    .showHelpAfterError('(add --help for what is possible)');
  addWorker(program, cli);
  const connection = program.command('connection').description('Register and look at connections.');
  addConnectionPut(connection, cli);
  addConnectionList(connection, cli);
  addConnectionShow(connection, cli);
  addConnectionRemove(connection, cli);
  addToken(program, cli);
  addRefresh(program, cli);
  addCall(program, cli);
  addStatus(program, cli);
  const keys = program.command('keys').description('Make and look at sealing keys.');
  addKeysGenerate(keys, cli);
  addKeysExport(keys, cli);
  addKeysList(keys, cli);
  addDoctor(program, cli);
  return program;
}
