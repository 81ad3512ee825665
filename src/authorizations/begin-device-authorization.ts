import type { DeviceAuthorization } from '../contract/consent-messages.js';
import { requestDeviceAuthorization } from '../oauth/index.js';
import { insertAuthorization, prepareSealer } from '../store/index.js';
import { AuthorizationError } from './authorization-error.js';
import { newAuthorizationId } from './begin-authorization.js';
import {
  connectionToAuthorize,
  requestError,
  type AuthorizationParts,
} from './connection-to-authorize.js';
import { sealSecrets } from './sealed-parts.js';

/** Whom to ask. */
export interface BeginDeviceAuthorizationInput {
  connectionId: string;
  /** A person of another subject than the stored one may consent. */
  acceptNewSubject: boolean;
  /** Who asks, for people who read the record. */
  startedBy: string;
}

/**
 * Begins an authorization on a device of the person's own: what it returns is shown to the person,
 * the device code is kept sealed.
 *
 * @throws AuthorizationError `Connection.not_found`, `Connection.invalid`, or an `OAuth.*` of the
 *   device authorization endpoint; OAuthRequestError, NetworkPolicyError, StoreError
 * @see https://www.rfc-editor.org/rfc/rfc8628.html#section-3.1
 */
export async function beginDeviceAuthorization(
  parts: AuthorizationParts,
  { connectionId, acceptNewSubject, startedBy }: BeginDeviceAuthorizationInput,
): Promise<DeviceAuthorization> {
  const { database, keys, network } = parts;
  const target = await connectionToAuthorize(parts, connectionId, 'device_code');
  const { connection } = target.read;
  const { authorizationServer, grant } = connection;
  const { deviceAuthorizationEndpoint } = authorizationServer;
  if (deviceAuthorizationEndpoint === null) {
    const message = 'authorizationServer.deviceAuthorizationEndpoint: is missing.';
    throw new AuthorizationError('Connection.invalid', message);
  }
  const { client, incarnation, asOf } = target;
  const { scope, authorizationParameters: parameters } = grant;
  const result = await requestDeviceAuthorization(
    { deviceAuthorizationEndpoint, client, scope, parameters },
    { timeoutMs: authorizationServer.requestTimeoutMs, network },
  );
  if (result.kind === 'failed') throw requestError('a device code', result.failure);
  const { deviceCode, expiresInMs, ...shown } = result.authorization;
  const authorizationId = newAuthorizationId();
  const place = { database, record: { authorizationId, connectionId, incarnation }, connection };
  const request = await sealSecrets(await prepareSealer(keys, 'grant'), place, {
    ...{ state: null, codeVerifier: null, nonce: null, deviceCode },
  });
  const { expiresAt } = await insertAuthorization(database, {
    ...{ authorizationId, connectionId, incarnation, kind: 'device_code', request, ...shown },
    ...{ stateHash: null, browserHash: null, redirectUri: null, acceptNewSubject, startedBy },
    ...{ asOf, lifetimeMs: expiresInMs },
  });
  const { userCode, verificationUri, verificationUriComplete } = shown;
  return {
    ...{ authorizationId, userCode, verificationUri, verificationUriComplete },
    expiresAt: expiresAt.toISOString(),
  };
}
