import type { ConnectionInput } from '../contract/messages.js';
import { toFailure } from '../failures.js';
import { readConnection } from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';

const CONFIGURE_MS = 10_000;

/** Whether a lifecycle took note. */
export interface ConfigureLifecycleResult {
  noted: boolean;
}

/**
 * Makes the activity that tells a connection's lifecycle that its record changed, and starts it where
 * it refreshes ahead. Safe to run twice: the lifecycle only looks again.
 */
export function createConfigureLifecycle({ database, lifecycle }: IssueDependencies) {
  return async function configureLifecycle(
    input: ConnectionInput,
  ): Promise<ConfigureLifecycleResult> {
    const { connectionId } = input;
    try {
      const read = await readConnection(database, connectionId);
      if (read === null) return { noted: false };
      const ahead = read.connection.lifetime.refresh === 'ahead';
      return { noted: await lifecycle.configure(connectionId, ahead, CONFIGURE_MS) };
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}
