import { isConnectionId } from '../contract/names.js';
import {
  deleteAuthorizations,
  deleteConnection,
  deleteToken,
  inTransaction,
  StoreError,
  type TokenDatabase,
} from '../store/index.js';
import { readPair } from './stored.js';

/** What removing a connection needs. */
export interface RemoveDependencies {
  database: TokenDatabase;
  /** Ends the lifecycle; works without a worker. */
  lifecycle: { end(connectionId: string): Promise<boolean> };
}

/** What a `remove` did (contract §6). */
export interface RemoveResult {
  connectionId: string;
  /** False: there was none. */
  removed: boolean;
}

const MAX_TRIES = 20;

/**
 * Removes a connection: its documents in one transaction, then its lifecycle. In this order nothing
 * is left to use when Temporal cannot be reached: the lifecycle finds no record at its next step and
 * ends by itself, and a token request under way has nowhere to commit. Safe to repeat.
 *
 * @throws StoreError; whatever `lifecycle.end` throws, with the documents already gone
 */
export async function removeConnection(
  { database, lifecycle }: RemoveDependencies,
  connectionId: string,
): Promise<RemoveResult> {
  if (!isConnectionId(connectionId)) return { connectionId, removed: false };
  const removed = await deleteDocuments(database, connectionId);
  await lifecycle.end(connectionId);
  return { connectionId, removed };
}

async function deleteDocuments(database: TokenDatabase, connectionId: string): Promise<boolean> {
  for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
    const { connection, token } = await readPair(database, connectionId);
    if (connection === null && token === null) return false;
    const deleted = await inTransaction(database, 'remove a connection', async (bound) => {
      if (token !== null && !(await deleteToken(bound, token.record))) return false;
      await deleteAuthorizations(bound, connectionId);
      return connection === null || deleteConnection(bound, connectionId);
    }).catch((error: unknown) => {
      if (error instanceof StoreError && error.code === 'conflict') return false;
      throw error;
    });
    if (deleted) return true;
    await new Promise((done) => setTimeout(done, Math.random() * 20 * attempt));
  }
  throw new StoreError(
    'unavailable',
    `The records of connection ${connectionId} kept changing while it was removed.`,
  );
}
