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
  /**
   * Tells people something on standard error. With `--json` it waits for {@link flushNotes}, because
   * standard error then holds one JSON object should the command fail.
   */
  note(message: string): void;
  /** Writes the notes that wait. */
  flushNotes(): void;
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

/** Makes the {@link Cli} of one command. */
export function createCli(io: CliIo): Cli {
  const waiting: string[] = [];
  return {
    io,
    exitStatus: 0,
    print(options, result, text) {
      io.stdout.write(
        options.json === true ? `${JSON.stringify(result, null, 2)}\n` : text(result),
      );
    },
    note(message) {
      if (io.argv.includes('--json')) waiting.push(message);
      else io.stderr.write(`${message}\n`);
    },
    flushNotes() {
      for (const message of waiting.splice(0)) io.stderr.write(`${message}\n`);
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
