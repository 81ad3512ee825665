/** Many connections with tokens, written into the store directly, and their authorization server. */
import { randomBytes } from 'node:crypto';
import type { ConnectionRecord } from '../../src/contract/connection-record.js';
import {
  accessTokenContext,
  clientSecretContext,
  makeFingerprint,
  newTokenDocument,
  openClientSecret,
  openSealed,
  prepareSealer,
  readConnection,
  readTokenWithGrant,
  refreshTokenContext,
  type ConnectionDocument,
  type KeyProvider,
  type TokenDocument,
} from '../../src/store/index.js';
import {
  issue,
  refuse,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';
import { CLIENT_ID, CLIENT_SECRET, type TokenSystem } from './token-system.js';

/** A strict authorization server: an old refresh token that comes back is refused. */
export interface StrictServer {
  server: ScriptedAuthorizationServer;
  /** The refresh token each connection must hold, by connection id. */
  current: Map<string, string>;
  /** Refresh tokens that were refused. */
  refused: string[];
  /** Before an answer is sent. */
  beforeAnswer: (() => Promise<void>) | null;
}

/** Starts the server; a refresh token names its connection. */
export async function startStrictServer(): Promise<StrictServer> {
  const server = await startScriptedAuthorizationServer();
  const strict: StrictServer = { server, current: new Map(), refused: [], beforeAnswer: null };
  server.otherwise = async ({ parameters }) => {
    const presented = parameters['refresh_token'] ?? '';
    const [connectionId = ''] = presented.split(' ');
    if (strict.current.get(connectionId) !== presented) {
      strict.refused.push(presented);
      return refuse('invalid_grant');
    }
    const next = newRefreshToken(connectionId);
    strict.current.set(connectionId, next);
    await strict.beforeAnswer?.();
    return issue(`at-${randomBytes(8).toString('hex')}`, { refresh_token: next, expires_in: 600 });
  };
  return strict;
}

const newRefreshToken = (connectionId: string) =>
  `${connectionId} marked-rt-${randomBytes(12).toString('hex')}`;

/**
 * Writes connections with a token each, sealed with the keys that are active now; every tenth has a
 * client secret.
 *
 * @returns their ids
 */
export async function seedRecords(
  { database, keys, id }: TokenSystem,
  { server, current }: StrictServer,
  count: number,
): Promise<string[]> {
  const [access, grant] = [await prepareSealer(keys, 'access'), await prepareSealer(keys, 'grant')];
  const connections: ConnectionDocument[] = [];
  const tokens: TokenDocument[] = [];
  const expiresAt = new Date(Date.now() + 600_000);
  for (let index = 0; index < count; index += 1) {
    const connectionId = `many-${String(index).padStart(5, '0')}-${id}`;
    const connection = connectionOf(connectionId, server.tokenEndpoint, index % 10 === 0);
    const refreshToken = newRefreshToken(connectionId);
    current.set(connectionId, refreshToken);
    const place = { connectionId, incarnation: 'seeded01', epoch: 1, generation: 1 };
    const imported = { ...place, database: database.name };
    const secret = clientSecretContext(database, connection);
    const hasSecret = connection.client.authentication !== 'none';
    connections.push({
      ...connection,
      ...{ _id: connectionId, revision: 1, updatedAt: new Date(), updatedBy: 'test' },
      clientSecret: hasSecret ? await grant.seal(secret, CLIENT_SECRET) : null,
      kids: hasSecret ? [grant.kid] : [],
    });
    tokens.push({
      ...newTokenDocument(connectionId, 'seeded01', null, null),
      access: await access.seal(accessTokenContext(database, place), `at-${index}`),
      grant: await grant.seal(refreshTokenContext(database, place, connection), refreshToken),
      refreshTokenFingerprint: await makeFingerprint(keys, imported, refreshToken),
      kids: [access.kid, grant.kid],
      ...{ generation: 1, tokenType: 'Bearer', issuedAt: new Date(), lifetimeMs: 600_000 },
      ...{ expiresAt, refreshAfter: expiresAt },
    });
  }
  await database.connections.insertMany(connections);
  await database.tokens.insertMany(tokens);
  return tokens.map(({ _id }) => _id);
}

function connectionOf(
  connectionId: string,
  tokenEndpoint: string,
  secret: boolean,
): ConnectionRecord {
  return {
    connectionId,
    authorizationServer: {
      ...{ issuer: null, tokenEndpoint, authorizationEndpoint: null, revocationEndpoint: null },
      ...{ introspectionEndpoint: null, deviceAuthorizationEndpoint: null, jwksUri: null },
      ...{ pushedAuthorizationRequestEndpoint: null, requirePushedAuthorizationRequests: false },
      authorizationResponseIssParameterSupported: false,
      requestTimeoutMs: 10_000,
    },
    client: { clientId: CLIENT_ID, authentication: secret ? 'client_secret_post' : 'none' },
    grant: {
      ...{ grantType: 'refresh_token', scope: null, parameters: {}, useRefreshToken: true },
      ...{ authorizationParameters: {}, pkce: true, redirectUris: [], expectedSubject: null },
      rotation: 'strict',
    },
    api: { allowedOrigins: ['https://api.example'], responseHeaders: [], callers: null },
    lifetime: {
      ...{ refresh: 'on-demand', defaultExpiresInMs: null },
      ...{ refreshTokenExpiresInMs: null, refreshTokenIdleMs: null },
    },
  };
}

/**
 * Opens everything a connection has sealed.
 *
 * @throws StoreError when something does not open with these keys
 */
export async function openEverything(
  { database }: TokenSystem,
  keys: KeyProvider,
  connectionId: string,
): Promise<{ refreshToken: string; generation: number; kids: string[] }> {
  const [read, token, document] = await Promise.all([
    readConnection(database, connectionId),
    readTokenWithGrant(database, connectionId),
    database.tokens.findOne({ _id: connectionId }),
  ]);
  if (read === null || token?.access == null || token.grant === null) {
    throw new Error(`${connectionId} has no tokens`);
  }
  await openClientSecret(database, keys, read);
  await openSealed(keys, token.access, accessTokenContext(database, token.record));
  const place = refreshTokenContext(database, token.record, read.connection);
  const refreshToken = await openSealed(keys, token.grant, place);
  return { refreshToken, generation: token.record.generation, kids: document?.kids ?? [] };
}
