import type { GrantType } from '../contract/grant-type.js';
import type { Network } from '../network.js';
import type { TokenClient, TokenRequestFailure } from '../oauth/index.js';
import { oauthFailureType, type FailureType } from '../contract/failure-types.js';
import { Secret } from '../secret.js';
import {
  openClientSecret,
  readConnection,
  readToken,
  type KeyProvider,
  type ReadConnection,
  type TokenDatabase,
} from '../store/index.js';
import { AuthorizationError } from './authorization-error.js';

/** What the process that asks a person works with. */
export interface AuthorizationParts {
  database: TokenDatabase;
  /** With `grant` keys. */
  keys: KeyProvider;
  network: Network;
}

/** A connection that a person is to authorize. */
export interface ConnectionToAuthorize {
  read: ReadConnection;
  incarnation: string;
  /** When it was read (MongoDB's clock); what is put or revoked later supersedes the authorization. */
  asOf: Date;
  client: TokenClient;
}

/**
 * Reads a connection that a person is to authorize in a certain way.
 *
 * @throws AuthorizationError `Connection.not_found`, `Connection.invalid`,
 *   `Token.revocation_in_progress`; StoreError
 */
export async function connectionToAuthorize(
  { database, keys }: AuthorizationParts,
  connectionId: string,
  grantType: GrantType,
): Promise<ConnectionToAuthorize> {
  // The clock comes with the first read: whatever changes after it is newer than the authorization.
  const token = await readToken(database, connectionId);
  const read = await readConnection(database, connectionId);
  if (read === null || token === null) throw new AuthorizationError('Connection.not_found', '');
  const { client, grant } = read.connection;
  if (grant.grantType !== grantType) {
    const message = `grant.grantType is ${grant.grantType}, and not ${grantType}.`;
    throw new AuthorizationError('Connection.invalid', message);
  }
  if (token.record.state === 'revoking') {
    const message = 'Another consent would cut short the revocation of the one before.';
    throw new AuthorizationError('Token.revocation_in_progress', message);
  }
  const clientSecret = await openClientSecret(database, keys, read);
  return {
    read,
    ...{ incarnation: token.record.incarnation, asOf: new Date(token.record.now) },
    client: {
      ...{ clientId: client.clientId, authentication: client.authentication },
      clientSecret: clientSecret === null ? null : new Secret(clientSecret),
    },
  };
}

/** What an endpoint that is asked before the person answered with. */
export function requestError(
  what: string,
  { code, httpStatus, retryAfterMs }: TokenRequestFailure,
): AuthorizationError {
  const type: FailureType =
    code === 'network_not_allowed' ? 'Policy.network_not_allowed' : oauthFailureType(code);
  const status = httpStatus === null ? '' : ` (HTTP ${httpStatus})`;
  return new AuthorizationError(type, `It was asked for ${what}${status}.`, retryAfterMs);
}
