import type { StoredConnection } from '../contract/connection-record.js';
import { needsPerson, refreshScope } from '../contract/grant-type.js';
import { candidateLifeMs } from '../contract/rotation-profile.js';
import type { TokenRecord } from '../contract/token-record.js';
import {
  prepareTokenRequest,
  type PreparedTokenRequest,
  type TokenClient,
} from '../oauth/index.js';
import type { Secret } from '../secret.js';
import {
  prepareSealer,
  StoreError,
  type ReadConnection,
  type ReadTokenWithGrant,
  type Sealer,
} from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';
import { openClient, openRefreshToken, type SealedStores } from './open-tokens.js';

/** A request that is ready to be sent, and the refresh token in it. */
export interface PlannedRequest {
  request: PreparedTokenRequest;
  /** Kept when the answer brings none (RFC 6749 §6); null: client credentials. */
  refreshToken: Secret | null;
}

/** A token request with everything that could fail before sending already done. */
export interface RequestPlan {
  connection: StoredConnection;
  client: TokenClient;
  /** The request to send, then those to send when its refresh token is refused. */
  requests: PlannedRequest[];
  sealers: { access: Sealer; grant: Sealer };
}

/** With long requests fewer of them fit into one attempt of the activity. */
const LONG_REQUEST_MS = 60_000;

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
  const client = await openClient({ database, keys }, read);
  const refreshTokens = await openRefreshTokens({ database, keys }, connection, token);
  const { tokenEndpoint } = connection.authorizationServer;
  const { scope, parameters, grantType } = connection.grant;
  const prepare = (grant: Parameters<typeof prepareTokenRequest>[0]['grant']) =>
    prepareTokenRequest({ tokenEndpoint, client, grant }, network);
  const requests: PlannedRequest[] = refreshTokens.map((refreshToken) => ({
    request: prepare({
      grantType: 'refresh_token',
      refreshToken,
      scope: refreshScope(connection.grant),
      parameters,
    }),
    refreshToken,
  }));
  if (grantType === 'client_credentials') {
    requests.push({ request: prepare({ grantType, scope, parameters }), refreshToken: null });
  }
  if (requests.length === 0) throw new TypeError('A grant without a refresh token.');
  const [access, grant] = await Promise.all([
    prepareSealer(keys, 'access'),
    prepareSealer(keys, 'grant'),
  ]);
  return { connection, client, requests, sealers: { access, grant } };
}

/** The refresh tokens to try, in their order: the record's, then those of its siblings (rule R8). */
async function openRefreshTokens(
  stores: SealedStores,
  connection: StoredConnection,
  { record, grant, candidates }: ReadTokenWithGrant,
): Promise<Secret[]> {
  const spare = !needsPerson(connection.grant.grantType);
  if (grant === null || (spare && !mayUseSpare(connection, record))) return [];
  const current = await openRefreshToken(stores, connection, { place: record, sealed: grant });
  if (spare) return [current];
  const keptSince = record.now - candidateLifeMs(connection.grant.rotation);
  const most = connection.authorizationServer.requestTimeoutMs > LONG_REQUEST_MS ? 1 : 2;
  const others = candidates.filter(({ at }) => at.getTime() > keptSince).slice(-most);
  const opened = await Promise.all(
    others.map(({ generation, grant: sealed }) =>
      openRefreshToken(stores, connection, { place: { ...record, generation }, sealed }).catch(
        nullIfUnreadable,
      ),
    ),
  );
  const known = new Set([current.reveal()]);
  const untried = opened.reverse().filter((candidate): candidate is Secret => {
    if (candidate === null || known.has(candidate.reveal())) return false;
    known.add(candidate.reveal());
    return true;
  });
  return [current, ...untried];
}

/** A key that is missing comes back; what does not open with its key is of no use to anybody. */
function nullIfUnreadable(error: unknown): null {
  if (error instanceof StoreError && error.code === 'unreadable') return null;
  throw error;
}

/** A `client_credentials` one is left alone after an unknown outcome. */
function mayUseSpare(connection: StoredConnection, record: TokenRecord): boolean {
  const { unknown, invalid, attempt } = record;
  // One that a dead owner may have sent is spent, for all we know.
  const untouched = unknown.length === 0 && attempt === null;
  return connection.grant.useRefreshToken && untouched && invalid === null;
}
