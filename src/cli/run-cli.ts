import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { createCli, type Cli } from './cli.js';
import type { ExitStatus } from './command-error.js';
import type { CliIo } from './io.js';
import { GROUPS, VERBS, type Verb } from './verbs.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/**
 * Runs one `oauth-tokens` command.
 *
 * @returns the exit status: 0 done, 1 tried and failed, 2 nothing was tried
 */
export async function runCli(io: CliIo): Promise<ExitStatus> {
  const cli = createCli(io);
  try {
    const program = await createProgram(cli);
    await program.parseAsync([...io.argv], { from: 'user' });
    if (cli.exitStatus === 0) cli.flushNotes();
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

async function createProgram(cli: Cli): Promise<Command> {
  const { stdout, stderr, argv } = cli.io;
  const program = new Command('oauth-tokens')
    .description('OAuth 2.0 access tokens for Temporal.')
    .version(version, '--version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      // With --json the error is written as JSON, by whoever catches it.
      writeErr: (text) => void (argv.includes('--json') || stderr.write(text)),
    })
    .showHelpAfterError('(add --help for what is possible)');
  const groups = new Map<string, Command>();
  for (const verb of VERBS) {
    const [first, second] = verb.path;
    if (second === undefined) {
      await addVerb(program, first, verb, cli);
      continue;
    }
    const group = groups.get(first) ?? program.command(first).description(GROUPS[first] ?? '');
    groups.set(first, group);
    await addVerb(group, second, verb, cli);
  }
  return program;
}

/** Only the verb that runs is loaded and defined: the others are lines of the help. */
async function addVerb(parent: Command, name: string, verb: Verb, cli: Cli): Promise<void> {
  const command = parent.command(name).description(verb.summary);
  if (!names(cli.io.argv, verb)) return;
  command.option('--json', 'print one JSON object; errors as JSON on standard error');
  (await verb.load())(command, cli);
}

function names(argv: readonly string[], { path }: Verb): boolean {
  const words = argv.filter((word) => !word.startsWith('-'));
  if (words[0] === 'help') words.shift();
  return path.every((word, index) => words[index] === word);
}
