import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerProcess } from './server-process.js';

/** What a server has to pass before it counts as started. */
export interface ReadinessInput {
  name: string;
  /** Uses the server for real; throws as long as it cannot be used. */
  check: () => Promise<void>;
  /** Null for a server that somebody else runs. */
  process: ServerProcess | null;
  timeoutMs: number;
}

const BETWEEN_CHECKS_MS = 50;

/**
 * Waits until a server can be used. If it cannot, the server is stopped.
 * @throws Error with the last reason and the end of the server's log
 */
export async function waitUntilReady(input: ReadinessInput): Promise<void> {
  const giveUpAt = Date.now() + input.timeoutMs;
  for (;;) {
    try {
      await input.check();
      if (input.process?.ended() != null) throw new Error('something else answered in its place');
      return;
    } catch (error) {
      const end = input.process?.ended() ?? null;
      if (end === null && Date.now() < giveUpAt) {
        await sleep(BETWEEN_CHECKS_MS);
        continue;
      }
      const log = (await input.process?.log()) ?? '';
      await input.process?.stop();
      const last = error instanceof Error ? error.message : String(error);
      const reason =
        end === null ? `is not ready after ${input.timeoutMs} ms: ${last}` : `ended (${end})`;
      throw new Error([`${input.name} ${reason}`, log].join('\n').trim(), { cause: error });
    }
  }
}
