/** A token deployment whose connections need a person, and that person by script. */
import { randomBytes } from 'node:crypto';
import {
  beginAuthorization,
  createRedemptionClient,
  receiveCallback,
  type BegunAuthorization,
  type CallbackResult,
} from '../../src/authorizations/index.js';
import { authorizationWorkflowId } from '../../src/contract/consent-messages.js';
import type { TokenRef } from '../../src/contract/messages.js';
import { createNetwork } from '../../src/network.js';
import { Secret } from '../../src/secret.js';
import type { AuthorizationDocument } from '../../src/store/index.js';
import { consentAt, type Consent } from '../support/consent.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  startTokenSystem,
  type TokenSystem,
} from '../support/token-system.js';

export const REDIRECT_URI = 'http://127.0.0.1/callback';
/** The same machine, and another site than the authorization server's. */
const LOCALHOST_REDIRECT_URI = 'http://localhost/callback';
export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** What `consentFile` asks for unless told otherwise. */
export const OPENID_SCOPE = 'openid offline_access things:read';

/** Starts a token deployment at whose authorization server a person can consent. */
export function startConsentSystem(
  accessTokenTtlSeconds = 600,
  temporalAddress?: string,
): Promise<TokenSystem> {
  const grantTypes = ['authorization_code', 'refresh_token', DEVICE_GRANT] as const;
  const client = { clientSecret: CLIENT_SECRET, grantTypes, scope: OPENID_SCOPE };
  return startTokenSystem({
    ...(temporalAddress === undefined ? {} : { temporalAddress }),
    authorizationServer: {
      accessTokenTtlSeconds,
      clients: [
        { ...client, clientId: CLIENT_ID, redirectUris: [REDIRECT_URI, LOCALHOST_REDIRECT_URI] },
      ],
    },
  });
}

/** What of a connection file a test may say otherwise. */
export interface ConsentFileChanges {
  authorizationServer?: Record<string, unknown>;
  grant?: Record<string, unknown>;
  lifetime?: Record<string, unknown>;
}

/** A connection file of a grant that needs a person. */
export function consentFile(system: TokenSystem, name: string, changes: ConsentFileChanges = {}) {
  const { issuer } = system.authorizationServer;
  return system.connectionFile(name, {
    authorizationServer: { issuer, ...changes.authorizationServer },
    client: {
      clientId: CLIENT_ID,
      authentication: 'client_secret_basic',
      clientSecret: { env: 'CLIENT_SECRET' },
    },
    grant: {
      grantType: 'authorization_code',
      scope: OPENID_SCOPE,
      authorizationParameters: { prompt: 'consent' },
      ...changes.grant,
    },
    ...(changes.lifetime === undefined ? {} : { lifetime: changes.lifetime }),
  });
}

/** An authorization that a test has begun, with what it is bound to. */
export interface Begun extends BegunAuthorization {
  browser: Secret;
}

const network = createNetwork({ mode: 'loopback' });

/** Begins an authorization as the command does. */
export async function begin(
  { database, keys }: TokenSystem,
  connectionId: string,
  acceptNewSubject = false,
): Promise<Begun> {
  const browser = new Secret(randomBytes(16).toString('hex'));
  const begun = await beginAuthorization(
    { database, keys, network },
    { connectionId, redirectUri: REDIRECT_URI, browser, acceptNewSubject, startedBy: 'test' },
  );
  return { ...begun, browser };
}

/** Hands over the query that a browser came back with. */
export function callBack(
  { database, keys, connection, taskQueue }: TokenSystem,
  query: URLSearchParams,
  browser: Secret | null,
): Promise<CallbackResult> {
  const redemptions = createRedemptionClient({ connection, namespace: 'default', taskQueue });
  return receiveCallback({ database, keys, redemptions }, { query, browser });
}

/** Begins an authorization, has the person consent, and hands the answer over. */
export async function consent(
  system: TokenSystem,
  connectionId: string,
  how: Consent & { acceptNewSubject?: boolean } = {},
): Promise<CallbackResult> {
  const begun = await begin(system, connectionId, how.acceptNewSubject);
  const url = await consentAt(begun.url.reveal(), REDIRECT_URI, how);
  return callBack(system, url.searchParams, begun.browser);
}

/** What the redemption of an authorization ends with. */
export function redeemed(
  { client }: TokenSystem,
  { authorizationId }: { authorizationId: string },
): Promise<TokenRef> {
  return client.workflow
    .getHandle(authorizationWorkflowId(authorizationId))
    .result() as Promise<TokenRef>;
}

/** The document of an authorization. */
export async function authorizationDocument(
  { database }: TokenSystem,
  { authorizationId }: { authorizationId: string },
): Promise<AuthorizationDocument> {
  const found = await database.authorizations.findOne({ _id: authorizationId });
  if (found === null) throw new Error(`no authorization ${authorizationId}`);
  return found;
}
