import type { StoredConnection } from '../contract/connection-record.js';
import type { TokenDatabase } from './database.js';
import type { ConnectionDocument } from './documents.js';
import { StoreError, storeOperation } from './errors.js';
import { KIDS_INDEX } from './indexes.js';
import type { KeyProvider } from './keys.js';
import { recipientOf } from './tokens.js';
import { openSealed, sameSealed, type SealContext, type SealedValue } from './sealing.js';
import { kidsOf } from './tokens.js';
import { sessionOf } from './transaction.js';

/** A connection as it was read, with its sealed client secret. */
export interface ReadConnection {
  connection: StoredConnection;
  clientSecret: SealedValue | null;
}

/** Reads a connection by id; null: there is none. */
export async function readConnection(
  database: TokenDatabase,
  connectionId: string,
): Promise<ReadConnection | null> {
  const document = await storeOperation('read a connection', () =>
    database.connections.findOne({ _id: connectionId }),
  );
  return document === null ? null : fromDocument(document);
}

/** What a document of an earlier version does not have. */
const SERVER_BEFORE = {
  pushedAuthorizationRequestEndpoint: null,
  jwksUri: null,
  authorizationResponseIssParameterSupported: false,
  requirePushedAuthorizationRequests: false,
};
const GRANT_BEFORE = {
  authorizationParameters: {},
  pkce: true,
  redirectUris: [],
  expectedSubject: null,
  rotation: null,
};
const LIFETIME_BEFORE = { refreshTokenExpiresInMs: null, refreshTokenIdleMs: null };

function fromDocument(document: ConnectionDocument): ReadConnection {
  const { _id, authorizationServer, client, grant, api, lifetime } = document;
  const { clientSecret, revision, updatedAt, updatedBy } = document;
  return {
    connection: {
      connectionId: _id,
      ...{ client, api },
      lifetime: { ...LIFETIME_BEFORE, ...lifetime },
      authorizationServer: { ...SERVER_BEFORE, ...authorizationServer },
      grant: { ...GRANT_BEFORE, ...grant },
      ...{ revision, updatedAt: updatedAt.toISOString(), updatedBy },
    },
    clientSecret,
  };
}

/** Reads connections of the given ids, in no order. */
export async function readConnections(
  database: TokenDatabase,
  connectionIds: string[],
): Promise<StoredConnection[]> {
  const documents = await storeOperation('read connections', () =>
    database.connections.find({ _id: { $in: connectionIds } }).toArray(),
  );
  return documents.map((document) => fromDocument(document).connection);
}

/** Reads a page of the connections whose client secret needs a key, in the order of their ids. */
export async function listConnectionsOfKey(
  database: TokenDatabase,
  { kid, after, limit }: { kid: string; after: string | null; limit: number },
): Promise<ReadConnection[]> {
  const documents = await storeOperation('list the connections of a key', () =>
    database.connections
      .find({ kids: kid, ...(after === null ? {} : { _id: { $gt: after } }) })
      .sort({ _id: 1 })
      .limit(limit)
      .hint(KIDS_INDEX)
      .toArray(),
  );
  return documents.map(fromDocument);
}

/**
 * Writes a connection, comparing what was read (null: there was none): the revision, and the sealed
 * client secret, which may have been sealed with another key since.
 *
 * @returns false when somebody else wrote in between: read again and repeat
 */
export async function writeConnection(
  database: TokenDatabase,
  next: Omit<ConnectionDocument, 'kids' | 'updatedAt' | 'revision'>,
  read: ReadConnection | null,
): Promise<boolean> {
  const { _id, ...fields } = next;
  const revision = read?.connection.revision ?? 0;
  const literal = Object.fromEntries(
    Object.entries({ ...fields, kids: kidsOf(next.clientSecret) }).map(([name, value]) => [
      name,
      { $literal: value },
    ]),
  );
  try {
    const result = await database.connections.updateOne(
      read === null
        ? { _id, revision: { $exists: false } }
        : { _id, revision, ...sameSealed('clientSecret', read.clientSecret) },
      [{ $set: { ...literal, revision: revision + 1, updatedAt: '$$NOW' } }],
      { upsert: read === null, ...sessionOf(database) },
    );
    return result.matchedCount === 1 || result.upsertedCount === 1;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    return storeOperation('write a connection', () => Promise.reject(error as Error));
  }
}

function isDuplicateKey(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 11000;
}

/** Deletes a connection. */
export async function deleteConnection(
  database: TokenDatabase,
  connectionId: string,
): Promise<boolean> {
  const result = await storeOperation('delete a connection', () =>
    database.connections.deleteOne({ _id: connectionId }, sessionOf(database)),
  );
  return result.deletedCount === 1;
}

/**
 * The place a client secret is sealed for. The token endpoint's origin, the client id and the
 * authentication method are part of it: whoever may write connections cannot have a sealed secret
 * sent to a host of their own.
 */
export function clientSecretContext(
  database: TokenDatabase,
  connection: Pick<StoredConnection, 'connectionId' | 'authorizationServer' | 'client'>,
): SealContext {
  const { connectionId } = connection;
  return {
    database: database.name,
    collection: 'connections',
    connectionId,
    incarnation: '',
    epoch: 0,
    generation: 0,
    purpose: `client_secret|${recipientOf(connection)}`,
  };
}

/**
 * Opens a connection's client secret; null when its authentication needs none.
 *
 * @throws StoreError `key_unavailable` or `unreadable`
 */
export async function openClientSecret(
  database: TokenDatabase,
  keys: KeyProvider,
  { connection, clientSecret }: ReadConnection,
): Promise<string | null> {
  if (connection.client.authentication === 'none') return null;
  if (clientSecret === null) {
    throw new StoreError(
      'unreadable',
      `Connection ${connection.connectionId} has no client secret.`,
    );
  }
  return openSealed(keys, clientSecret, clientSecretContext(database, connection));
}
