import {
  readConnection,
  readTokenWithGrant,
  type ReadConnection,
  type ReadTokenWithGrant,
  type TokenDatabase,
} from '../store/index.js';

/** What the store holds for a connection id. */
export interface StoredPair {
  connection: ReadConnection | null;
  token: ReadTokenWithGrant | null;
}

/** Reads both documents of a connection. */
export async function readPair(database: TokenDatabase, connectionId: string): Promise<StoredPair> {
  const [connection, token] = await Promise.all([
    readConnection(database, connectionId),
    readTokenWithGrant(database, connectionId),
  ]);
  return { connection, token };
}
