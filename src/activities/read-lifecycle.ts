import type { ConnectionInput, LifecycleView } from '../contract/messages.js';
import { toFailure } from '../failures.js';
import { readConnection, readToken } from '../store/index.js';
import { withUntold } from './announce-events.js';
import type { IssueDependencies } from './dependencies.js';
import { NO_CONNECTION, viewOf } from './lifecycle-view.js';

/** Makes the lifecycle's look at its record. Safe to run twice: it only reads. */
export function createReadLifecycle(dependencies: IssueDependencies) {
  const { database, searchAttributes } = dependencies;
  return async function readLifecycle({ connectionId }: ConnectionInput): Promise<LifecycleView> {
    try {
      const [read, token] = await Promise.all([
        readConnection(database, connectionId),
        readToken(database, connectionId),
      ]);
      if (read === null || token === null) return NO_CONNECTION;
      const view = viewOf(read.connection, token.record, searchAttributes);
      return await withUntold(dependencies, view);
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}
