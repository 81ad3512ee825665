import { registerSecret } from '../known-secrets.js';
import type { Network } from '../network.js';
import { Secret } from '../secret.js';
import { authenticateClient, type TokenClient } from './client-authentication.js';
import { OAuthRequestError } from './errors.js';
import {
  authorizationCodeParameters,
  type AuthorizationCodeGrant,
} from './grants/authorization-code.js';
import {
  clientCredentialsParameters,
  type ClientCredentialsGrant,
} from './grants/client-credentials.js';
import { deviceCodeParameters, type DeviceCodeGrant } from './grants/device-code.js';
import { refreshTokenParameters, type RefreshTokenGrant } from './grants/refresh-token.js';
import { isProtocolParameter } from './parameters.js';

/** The grants a token can be requested with. */
export type TokenGrant =
  ClientCredentialsGrant | RefreshTokenGrant | AuthorizationCodeGrant | DeviceCodeGrant;

/** Everything a token request is made of. */
export interface TokenRequestInput {
  /** Absolute URL, pinned in the connection's record. */
  readonly tokenEndpoint: string;
  readonly client: TokenClient;
  readonly grant: TokenGrant;
}

/** A token request that is ready to be sent, once. */
export interface PreparedTokenRequest {
  readonly tokenEndpoint: URL;
  /** Headers without a secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization: Secret | null;
  /** The form-encoded body. */
  readonly body: Secret;
}

const HEADERS = {
  accept: 'application/json',
  // Answers are small; a server that compresses all the same is understood.
  'accept-encoding': 'identity',
  'content-type': 'application/x-www-form-urlencoded',
  // Some servers refuse requests without one.
  'user-agent': 'temporal-oauth-tokens',
};

/**
 * Does everything about a token request that can fail before it is sent: the URL and network check,
 * client authentication, the body. Names are resolved and checked when connecting.
 *
 * @throws OAuthRequestError when the request cannot be built from the input.
 * @throws NetworkPolicyError when the network setting does not allow the token endpoint.
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-3.2
 */
export function prepareTokenRequest(
  input: TokenRequestInput,
  network: Pick<Network, 'assertUrlAllowed'>,
): PreparedTokenRequest {
  const tokenEndpoint = parseTokenEndpoint(input.tokenEndpoint);
  network.assertUrlAllowed(tokenEndpoint);
  const { authorization, parameters } = authenticateClient(input.client);
  for (const secret of secretsOf(input)) registerSecret(secret);
  const body = new URLSearchParams();
  for (const [name, value] of [
    ...grantParameters(input.grant),
    ...parameters,
    ...extraParameters(input.grant),
  ]) {
    // A parameter without a value counts as left out (RFC 6749 §3.2), so it is.
    if (value !== '') body.append(name, value);
  }
  return { tokenEndpoint, headers: HEADERS, authorization, body: new Secret(body.toString()) };
}

/** What is about to be sent, and so what an error or an answer may quote. */
function secretsOf({ client, grant }: TokenRequestInput): Secret[] {
  const { clientSecret } = client;
  return [...(clientSecret === null ? [] : [clientSecret]), ...grantSecrets(grant)];
}

function grantSecrets(grant: TokenGrant): Secret[] {
  switch (grant.grantType) {
    case 'client_credentials':
      return [];
    case 'refresh_token':
      return [grant.refreshToken];
    case 'authorization_code':
      return grant.codeVerifier === null ? [grant.code] : [grant.code, grant.codeVerifier];
    case 'device_code':
      return [grant.deviceCode];
  }
}

function parseTokenEndpoint(text: string): URL {
  if (!URL.canParse(text)) {
    throw new OAuthRequestError('token_endpoint_invalid', 'The token endpoint is not a URL.');
  }
  const url = new URL(text);
  if (text.includes('#')) {
    throw new OAuthRequestError('token_endpoint_invalid', 'The token endpoint has a fragment.');
  }
  return url;
}

function grantParameters(grant: TokenGrant): [string, string][] {
  switch (grant.grantType) {
    case 'client_credentials':
      return clientCredentialsParameters(grant);
    case 'refresh_token':
      return refreshTokenParameters(grant);
    case 'authorization_code':
      return authorizationCodeParameters(grant);
    case 'device_code':
      return deviceCodeParameters(grant);
  }
}

function extraParameters(grant: TokenGrant): [string, string][] {
  const parameters = Object.entries(grant.parameters);
  const protocol = parameters.map(([name]) => name).filter(isProtocolParameter);
  if (protocol.length > 0) {
    throw new OAuthRequestError(
      'protocol_parameter',
      `The grant's parameters may not set ${protocol.join(', ')}.`,
    );
  }
  return parameters;
}
