import type { TokenDatabase } from './database.js';
import { StoreError, storeOperation } from './errors.js';

/** Which Temporal deployment a database belongs to. */
export interface Deployment {
  namespace: string;
  taskQueue: string;
}

/** The deployment recorded in the database; null: no worker has started yet. */
export async function readDeployment(database: TokenDatabase): Promise<Deployment | null> {
  const found = await storeOperation('read the deployment', () =>
    database.deployment.findOne({ _id: '$deployment' }),
  );
  return found === null ? null : { namespace: found.namespace, taskQueue: found.taskQueue };
}

/**
 * Records the deployment if none is recorded, and compares otherwise: two deployments on one
 * database would each refresh the other's tokens.
 *
 * @returns the recorded deployment, which the caller compares with its own
 */
export async function claimDeployment(
  database: TokenDatabase,
  own: Deployment,
): Promise<Deployment> {
  const recorded = await storeOperation('record the deployment', () =>
    database.deployment.findOneAndUpdate(
      { _id: '$deployment' },
      { $setOnInsert: own },
      { upsert: true, returnDocument: 'after' },
    ),
  );
  if (recorded === null) throw new StoreError('unavailable', 'MongoDB kept no deployment record.');
  return { namespace: recorded.namespace, taskQueue: recorded.taskQueue };
}

/** What to tell whoever belongs to another deployment; null: it is the same. */
export function deploymentMismatch(recorded: Deployment | null, own: Deployment): string | null {
  if (recorded === null) return null;
  if (recorded.namespace === own.namespace && recorded.taskQueue === own.taskQueue) return null;
  return (
    `The database belongs to namespace "${recorded.namespace}", task queue "${recorded.taskQueue}"; ` +
    `this process uses namespace "${own.namespace}", task queue "${own.taskQueue}". ` +
    'Use the same values, or another database.'
  );
}
