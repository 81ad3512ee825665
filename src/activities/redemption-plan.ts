import { openCode, openSecrets } from '../authorizations/index.js';
import type { StoredConnection } from '../contract/connection-record.js';
import {
  prepareTokenRequest,
  type PreparedTokenRequest,
  type TokenClient,
  type TokenGrant,
} from '../oauth/index.js';
import {
  prepareSealer,
  StoreError,
  type ReadAuthorization,
  type ReadConnection,
  type Sealer,
} from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';
import { openClient } from './open-tokens.js';

/** A token request with a code, with everything that could fail before sending already done. */
export interface RedemptionPlan {
  connection: StoredConnection;
  client: TokenClient;
  request: PreparedTokenRequest;
  /** For the answer. */
  sealer: Sealer;
}

/**
 * Opens what is sealed, checks the network policy, builds the request and fetches the sealing key,
 * so that nothing but the network can fail after the intent.
 *
 * @throws StoreError `key_unavailable` or `unreadable`; NetworkPolicyError; OAuthRequestError
 */
export async function planRedemption(
  dependencies: IssueDependencies,
  read: ReadConnection,
  authorization: ReadAuthorization,
): Promise<RedemptionPlan> {
  const { keys, network } = dependencies;
  const { connection } = read;
  const client = await openClient(dependencies, read);
  const grant = await grantOf(dependencies, connection, authorization);
  const { tokenEndpoint } = connection.authorizationServer;
  const request = prepareTokenRequest({ tokenEndpoint, client, grant }, network);
  return { connection, client, request, sealer: await prepareSealer(keys, 'grant') };
}

async function grantOf(
  { database, keys }: IssueDependencies,
  connection: StoredConnection,
  { record, request, code, redirectUri }: ReadAuthorization,
): Promise<TokenGrant> {
  if (request === null) throw nothingSealed();
  const place = { database, record, connection };
  const secrets = await openSecrets(keys, place, request);
  const { parameters } = connection.grant;
  if (record.kind === 'device_code') {
    if (secrets.deviceCode === null) throw nothingSealed();
    return { grantType: 'device_code', deviceCode: secrets.deviceCode, parameters };
  }
  if (code === null || redirectUri === null) throw nothingSealed();
  return {
    grantType: 'authorization_code',
    ...{ code: await openCode(keys, place, code), redirectUri },
    ...{ codeVerifier: secrets.codeVerifier, parameters },
  };
}

const nothingSealed = (): StoreError =>
  new StoreError('unreadable', 'The authorization holds nothing to redeem.');
