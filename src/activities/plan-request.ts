import type { StoredConnection } from '../contract/connection-record.js';
import type { TokenRecord } from '../contract/token-record.js';
import { prepareTokenRequest, type PreparedTokenRequest } from '../oauth/index.js';
import { Secret } from '../secret.js';
import {
  openClientSecret,
  openSealed,
  prepareSealer,
  refreshTokenContext,
  type ReadConnection,
  type ReadTokenWithGrant,
  type Sealer,
} from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';

/** A token request with everything that could fail before sending already done. */
export interface RequestPlan {
  connection: StoredConnection;
  /** The refresh token in hand; kept when the answer brings none (RFC 6749 §6). */
  refreshToken: Secret | null;
  /** The request to send first. */
  first: PreparedTokenRequest;
  /** The request to send when the first one's refresh token is refused; null: there is none. */
  fallback: PreparedTokenRequest | null;
  sealers: { access: Sealer; grant: Sealer };
}

/**
 * Step S1: opens secrets, checks the network policy, builds the requests and fetches the sealing
 * keys, so that nothing but the network can fail after the intent.
 *
 * @throws StoreError `key_unavailable` or `unreadable`; NetworkPolicyError; OAuthRequestError
 */
export async function planRequest(
  { database, keys, network }: IssueDependencies,
  read: ReadConnection,
  token: ReadTokenWithGrant,
): Promise<RequestPlan> {
  const { connection } = read;
  const clientSecret = await openClientSecret(database, keys, read);
  const refreshToken = await openRefreshToken({ database, keys }, connection, token);
  const { clientId, authentication } = connection.client;
  const client = {
    clientId,
    authentication,
    clientSecret: clientSecret === null ? null : new Secret(clientSecret),
  };
  const { tokenEndpoint } = connection.authorizationServer;
  const { scope, parameters, grantType } = connection.grant;
  const prepare = (grant: Parameters<typeof prepareTokenRequest>[0]['grant']) =>
    prepareTokenRequest({ tokenEndpoint, client, grant }, network);
  const credentials =
    grantType === 'client_credentials' ? prepare({ grantType, scope, parameters }) : null;
  const refresh =
    refreshToken === null
      ? null
      : prepare({
          grantType: 'refresh_token',
          refreshToken,
          scope: credentials === null ? scope : null,
          parameters,
        });
  const first = refresh ?? credentials;
  if (first === null) throw new TypeError('A refresh_token grant without a refresh token.');
  const [access, grant] = await Promise.all([
    prepareSealer(keys, 'access'),
    prepareSealer(keys, 'grant'),
  ]);
  const fallback = refresh === null ? null : credentials;
  return { connection, refreshToken, first, fallback, sealers: { access, grant } };
}

/** The refresh token to use; a `client_credentials` one is left alone after an unknown outcome. */
async function openRefreshToken(
  { database, keys }: Pick<IssueDependencies, 'database' | 'keys'>,
  connection: StoredConnection,
  { record, grant }: ReadTokenWithGrant,
): Promise<Secret | null> {
  const spare = connection.grant.grantType === 'client_credentials';
  if (grant === null || (spare && !mayUseSpare(connection, record))) return null;
  const context = refreshTokenContext(database, record, connection);
  return new Secret(await openSealed(keys, grant, context));
}

function mayUseSpare(connection: StoredConnection, record: TokenRecord): boolean {
  return connection.grant.useRefreshToken && record.unknown.length === 0 && record.invalid === null;
}
