import { createHash, randomBytes } from 'node:crypto';
import { createAuthorizationRequest } from '../oauth/index.js';
import type { Secret } from '../secret.js';
import { insertAuthorization, prepareSealer } from '../store/index.js';
import { AuthorizationError } from './authorization-error.js';
import {
  connectionToAuthorize,
  requestError,
  type AuthorizationParts,
} from './connection-to-authorize.js';
import { isDeclaredRedirect } from './redirect-uri.js';
import { sealSecrets } from './sealed-parts.js';

/** How long a person has to answer, in milliseconds: as long as a code may live (RFC 6749 §4.1.2). */
const LIFETIME_MS = 10 * 60_000;

/** Whom to ask, and where the answer goes. */
export interface BeginAuthorizationInput {
  connectionId: string;
  /** As registered at the authorization server, to the letter. */
  redirectUri: string;
  /** What only the person's browser, or the process that waits, knows; null: the process binds it. */
  browser: Secret | null;
  /** A person of another subject than the stored one may consent. */
  acceptNewSubject: boolean;
  /** Who asks, for people who read the record. */
  startedBy: string;
}

/** An authorization that has begun. */
export interface BegunAuthorization {
  /** Opaque, and no secret. */
  authorizationId: string;
  /** What the person's browser opens. It is for this person alone. */
  url: Secret;
  expiresAt: Date;
  /** The same as a length, for whoever has another clock than MongoDB. */
  expiresInMs: number;
}

/**
 * Begins an authorization in a browser: makes state, PKCE verifier and nonce, pushes the request
 * where the server takes pushed ones, and keeps what is secret sealed.
 *
 * @throws AuthorizationError `Connection.not_found`, `Connection.invalid`, or an `OAuth.*` of the
 *   pushed request; OAuthRequestError, NetworkPolicyError, StoreError
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-4.1.1
 */
export async function beginAuthorization(
  parts: AuthorizationParts,
  input: BeginAuthorizationInput,
): Promise<BegunAuthorization> {
  const { connectionId, redirectUri, browser, acceptNewSubject, startedBy } = input;
  const { database, keys, network } = parts;
  const target = await connectionToAuthorize(parts, connectionId, 'authorization_code');
  const { connection } = target.read;
  const { authorizationServer, grant } = connection;
  if (!isDeclaredRedirect(redirectUri, grant.redirectUris)) {
    const message = 'The redirect URI is none of grant.redirectUris.';
    throw new AuthorizationError('Connection.invalid', message);
  }
  const result = await createAuthorizationRequest(
    {
      ...{ authorizationServer, client: target.client, redirectUri, scope: grant.scope },
      ...{ parameters: grant.authorizationParameters, pkce: grant.pkce },
    },
    { timeoutMs: authorizationServer.requestTimeoutMs, network },
  );
  if (result.kind === 'failed') throw requestError('a consent', result.failure);
  const { url, state, nonce, codeVerifier } = result.request;
  const authorizationId = newAuthorizationId();
  const { incarnation, asOf } = target;
  const place = { database, record: { authorizationId, connectionId, incarnation }, connection };
  const sealer = await prepareSealer(keys, 'grant');
  const request = await sealSecrets(sealer, place, {
    ...{ state, codeVerifier, nonce, deviceCode: null },
  });
  const { expiresAt } = await insertAuthorization(database, {
    ...{ authorizationId, connectionId, incarnation, kind: 'authorization_code', request },
    ...{ redirectUri, acceptNewSubject, startedBy, intervalMs: 0 },
    stateHash: hashOf(state.reveal()),
    browserHash: browser === null ? null : hashOf(browser.reveal()),
    ...{ userCode: null, verificationUri: null, verificationUriComplete: null },
    ...{ asOf, lifetimeMs: LIFETIME_MS },
  });
  return { authorizationId, url, expiresAt, expiresInMs: LIFETIME_MS };
}

/** An id that nobody can guess, and that may cross Temporal all the same. */
export function newAuthorizationId(): string {
  return randomBytes(16).toString('base64url');
}

/** What a secret is found and compared by. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
