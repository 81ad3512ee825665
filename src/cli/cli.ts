import type { Command } from 'commander';
import type { RequiredVariable } from '../config.js';
import type { ExitStatus } from './command-error.js';
import type { CliContext } from './context.js';
import type { CliIo } from './io.js';

/** Options every verb has. */
export interface JsonOption {
  json?: boolean;
}

/** What a verb works with: its process, its result, its exit status. */
export interface Cli {
  readonly io: CliIo;
  /** 0 unless the verb says otherwise; errors that are thrown have their own. */
  exitStatus: ExitStatus;
  /** Prints the one result: as one JSON object, or as text for people. */
  print<T>(options: JsonOption, result: T, text: (result: T) => string): void;
  /** Tells people something on standard error. */
  note(message: string): void;
  /**
   * Runs with the environment's configuration and closes what was opened.
   *
   * @throws ConfigError when the environment is wrong
   */
  withContext<T>(
    required: readonly RequiredVariable[],
    run: (context: CliContext) => Promise<T>,
  ): Promise<T>;
}

/** Adds a verb with what all of them have. */
export function addVerb(parent: Command, name: string, summary: string): Command {
  return parent
    .command(name)
    .description(summary)
    .option('--json', 'print one JSON object; errors as JSON on standard error');
}

/** Makes the {@link Cli} of one command. */
export function createCli(io: CliIo): Cli {
  return {
    io,
    exitStatus: 0,
    print(options, result, text) {
      io.stdout.write(options.json === true ? `${JSON.stringify(result, null, 2)}\n` : text(result));
    },
    note(message) {
      io.stderr.write(`${message}\n`);
    },
    async withContext(required, run) {
      // Here and not above: `--help` and `keys generate` do without Temporal and MongoDB.
      const [{ readConfig }, { CliContext }] = await Promise.all([
        import('../config.js'),
        import('./context.js'),
      ]);
      const context = new CliContext(readConfig(required, io.env), (message) => this.note(message));
      try {
        return await run(context);
      } finally {
        await context.close();
      }
    },
  };
}
