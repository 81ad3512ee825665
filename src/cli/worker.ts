import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { CommandError } from './command-error.js';

/** What a worker finds wrong before it begins is the environment's fault; null: it is not. */
function wrongEnvironment(error: unknown): CommandError | null {
  if (!(error instanceof Error)) return null;
  const missingKeys = 'code' in error && error.code === 'key_unavailable';
  if (error.name !== 'InputError' && !missingKeys) return null;
  return new CommandError(error.message, {
    ...{ exitStatus: 2, type: 'Environment.invalid', final: true },
  });
}

/** `worker`: runs the token worker until SIGTERM. */
export function defineWorker(command: Command, cli: Cli): void {
  command.action(async () => {
    const { readConfig } = await import('../config.js');
    // Before the native core is loaded, so that a wrong environment is told at once.
    const config = readConfig(['MONGODB_URI', 'OAUTH_TOKENS_KEYS_FILE'], cli.io.env);
    const { runWorkerProcess } = await import('../worker-process.js');
    try {
      await runWorkerProcess(config);
    } catch (error) {
      throw wrongEnvironment(error) ?? error;
    }
  });
}
