import { MongoClient, type ClientSession, type Collection, type CollectionOptions } from 'mongodb';
import type { AuthorizationDocument } from './authorizations.js';
import { StoreError } from './errors.js';
import type { ConnectionDocument, DeploymentDocument, TokenDocument } from './documents.js';
import type { ParkedDocument } from './parked.js';
import type { WrappedKeyDocument } from './wrapped-keys.js';

/** Database name when the URI names none. */
export const DEFAULT_DATABASE = 'oauth_tokens';

/** One operation with all its retries ends within this time. */
const OPERATION_TIMEOUT_MS = 10_000;

/**
 * Every write is acknowledged by a majority and journalled, every read decides and comes from the
 * primary: a fail-over must not roll back a rotation.
 */
const COLLECTION_OPTIONS: CollectionOptions = {
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
  readPreference: 'primary',
  timeoutMS: OPERATION_TIMEOUT_MS,
};

/** The collections, and the client they belong to. */
export interface TokenDatabase {
  name: string;
  client: MongoClient;
  authorizations: Collection<AuthorizationDocument>;
  connections: Collection<ConnectionDocument>;
  deployment: Collection<DeploymentDocument>;
  tokens: Collection<TokenDocument>;
  /** Workflows that wait until a connection is authorized. */
  parked: Collection<ParkedDocument>;
  /** Sealing keys that a KMS wrapped; empty with a key file. */
  keys: Collection<WrappedKeyDocument>;
  /** The transaction that changes to connections and tokens belong to, within `inTransaction`. */
  session?: ClientSession;
  /** Closes the client if this package made it. */
  close(): Promise<void>;
}

/**
 * Opens the store. Nothing is sent before the first operation.
 *
 * @param mongodb - a client of the caller's (which stays the caller's to close) or a URI
 * @throws StoreError `unavailable` when the URI cannot be read
 */
export function openDatabase(mongodb: MongoClient | string): TokenDatabase {
  const own = typeof mongodb === 'string';
  const client = own ? connectLater(mongodb) : mongodb;
  if (own) remember(client, mongodb);
  const name = NAMED.get(client) ?? databaseName(client);
  const db = client.db(name);
  return {
    name,
    client,
    authorizations: db.collection<AuthorizationDocument>('authorizations', COLLECTION_OPTIONS),
    connections: db.collection<ConnectionDocument>('connections', COLLECTION_OPTIONS),
    deployment: db.collection<DeploymentDocument>('connections', COLLECTION_OPTIONS),
    tokens: db.collection<TokenDocument>('tokens', COLLECTION_OPTIONS),
    parked: db.collection<ParkedDocument>('parked', COLLECTION_OPTIONS),
    keys: db.collection<WrappedKeyDocument>('keys', COLLECTION_OPTIONS),
    async close() {
      if (own) await client.close();
    },
  };
}

function connectLater(uri: string): MongoClient {
  try {
    return new MongoClient(uri, {
      appName: 'temporal-oauth-tokens',
      serverSelectionTimeoutMS: OPERATION_TIMEOUT_MS,
      connectTimeoutMS: 5_000,
      retryReads: true,
      retryWrites: true,
    });
  } catch {
    throw new StoreError('unavailable', 'The MongoDB URI cannot be read.');
  }
}

/** Databases that URIs named: of a client alone `test` may be the driver's own default. */
const NAMED = new WeakMap<MongoClient, string>();

function remember(client: MongoClient, uri: string): void {
  const [, name] = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(uri) ?? [];
  if (name !== undefined) NAMED.set(client, decodeURIComponent(name));
}

/** The database of a client; the driver calls it `test` when its URI named none. */
function databaseName(client: MongoClient): string {
  const named = client.options.dbName;
  return named === 'test' ? DEFAULT_DATABASE : named;
}
