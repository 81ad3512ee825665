import type { StoredConnection } from '../contract/connection-record.js';
import type { TokenClient } from '../oauth/index.js';
import { Secret } from '../secret.js';
import {
  openClientSecret,
  openSealed,
  refreshTokenContext,
  type KeyProvider,
  type ReadConnection,
  type SealedValue,
  type SealPlace,
  type TokenDatabase,
} from '../store/index.js';

/** Where sealed values are and what opens them. */
export interface SealedStores {
  database: TokenDatabase;
  keys: KeyProvider;
}

/**
 * The client of a connection with its secret opened.
 *
 * @throws StoreError `key_unavailable` or `unreadable`
 */
export async function openClient(
  { database, keys }: SealedStores,
  read: ReadConnection,
): Promise<TokenClient> {
  const { clientId, authentication } = read.connection.client;
  const clientSecret = await openClientSecret(database, keys, read);
  return {
    ...{ clientId, authentication },
    clientSecret: clientSecret === null ? null : new Secret(clientSecret),
  };
}

/**
 * A refresh token that is sealed for a place.
 *
 * @throws StoreError `key_unavailable` or `unreadable`
 */
export async function openRefreshToken(
  { database, keys }: SealedStores,
  connection: StoredConnection,
  { place, sealed }: { place: SealPlace; sealed: SealedValue },
): Promise<Secret> {
  const context = refreshTokenContext(database, place, connection);
  return new Secret(await openSealed(keys, sealed, context));
}
