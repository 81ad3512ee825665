import type { Command } from 'commander';
import type { Cli } from './cli.js';

/** `worker`: runs the token worker until SIGTERM. */
export function defineWorker(command: Command, cli: Cli): void {
  command.action(async () => {
    const { readConfig } = await import('../config.js');
    // Before the native core is loaded, so that a wrong environment is told at once.
    const config = readConfig(['MONGODB_URI', 'OAUTH_TOKENS_KEYS_FILE'], cli.io.env);
    const { runWorkerProcess } = await import('../worker-process.js');
    await runWorkerProcess(config);
  });
}
