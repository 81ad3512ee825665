import { registerSecret } from '../known-secrets.js';
import { Secret } from '../secret.js';
import type { TokenClient } from './client-authentication.js';
import {
  malformedAnswer,
  postForMembers,
  type EndpointRequestOptions,
} from './endpoint-request.js';
import { OAuthRequestError } from './errors.js';
import { readLifetime } from './lifetime.js';
import { isAuthorizationParameter } from './parameters.js';
import { codeChallengeOf, randomSecret } from './pkce.js';
import type { TokenRequestFailure } from './token-result.js';

/** Where an authorization request goes. */
export interface AuthorizationEndpoints {
  readonly authorizationEndpoint: string | null;
  /** Used whenever there is one: what is asked for then does not pass through the browser. */
  readonly pushedAuthorizationRequestEndpoint: string | null;
  /** The server takes nothing else (RFC 9126 §5). */
  readonly requirePushedAuthorizationRequests: boolean;
}

/** What a person is asked for, and where the answer goes. */
export interface AuthorizationRequestInput {
  readonly authorizationServer: AuthorizationEndpoints;
  readonly client: TokenClient;
  /** As registered, to the letter; the code is redeemed with the same one (RFC 6749 §4.1.3). */
  readonly redirectUri: string;
  /** Space-delimited; null: the server's default. */
  readonly scope: string | null;
  /** Further parameters, such as `access_type` or `prompt`; none of the protocol's own. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Send a PKCE challenge. */
  readonly pkce: boolean;
}

/** One request to a person. What is secret in it is kept sealed until the answer comes. */
export interface AuthorizationRequest {
  /** What the person's browser opens; it holds `state` or names the pushed request. */
  readonly url: Secret;
  /** Ties the answer to this request; single use. */
  readonly state: Secret;
  /** Ties the ID token to this request; null: the scope has no `openid`. */
  readonly nonce: Secret | null;
  /** Null: without PKCE. */
  readonly codeVerifier: Secret | null;
  /** How long the URL can be opened for the first time; null: nothing says. */
  readonly expiresInMs: number | null;
}

/** A request to a person, or why the authorization server did not take it. */
export type AuthorizationRequestResult =
  | { readonly kind: 'ready'; readonly request: AuthorizationRequest }
  | { readonly kind: 'failed'; readonly failure: TokenRequestFailure };

/**
 * Makes what one authorization request needs: `state`, the PKCE verifier, `nonce` where an ID token
 * is asked for, and the URL. Where the server takes pushed requests it is pushed, and the URL holds
 * only `client_id` and `request_uri`. Safe to repeat: a request that nobody answers has no effect.
 *
 * @throws OAuthRequestError when it cannot be built.
 * @throws NetworkPolicyError when the network setting does not allow the endpoint to push it to.
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-4.1.1
 * @see https://www.rfc-editor.org/rfc/rfc7636.html#section-4.3
 * @see https://www.rfc-editor.org/rfc/rfc9126.html#section-2
 */
export async function createAuthorizationRequest(
  input: AuthorizationRequestInput,
  options: EndpointRequestOptions,
): Promise<AuthorizationRequestResult> {
  const endpoint = authorizationEndpointOf(input.authorizationServer);
  const secrets = {
    state: randomSecret(),
    nonce: asksForIdToken(input.scope) ? randomSecret() : null,
    codeVerifier: input.pkce ? randomSecret() : null,
  };
  const parameters = parametersOf(input, secrets);
  const { pushedAuthorizationRequestEndpoint, requirePushedAuthorizationRequests } =
    input.authorizationServer;
  if (pushedAuthorizationRequestEndpoint !== null) {
    const pushed = await push(input, parameters, options);
    if (pushed.kind === 'failed') return pushed;
    const named: [string, string][] = [
      ['client_id', input.client.clientId],
      ['request_uri', pushed.requestUri],
    ];
    const { expiresInMs } = pushed;
    return { kind: 'ready', request: { ...secrets, url: urlOf(endpoint, named), expiresInMs } };
  }
  if (requirePushedAuthorizationRequests) {
    throw new OAuthRequestError(
      'endpoint_invalid',
      'The authorization server takes pushed requests only, and no endpoint for them is known.',
    );
  }
  const url = urlOf(endpoint, [['client_id', input.client.clientId], ...parameters]);
  return { kind: 'ready', request: { ...secrets, url, expiresInMs: null } };
}

/** Whether a scope asks for an ID token (OpenID Connect Core §3.1.2.1). */
export function asksForIdToken(scope: string | null): boolean {
  return scope !== null && scope.split(' ').includes('openid');
}

function authorizationEndpointOf({ authorizationEndpoint }: AuthorizationEndpoints): URL {
  if (authorizationEndpoint === null || !URL.canParse(authorizationEndpoint)) {
    throw new OAuthRequestError('endpoint_invalid', 'The authorization endpoint is not a URL.');
  }
  return new URL(authorizationEndpoint);
}

type RequestSecrets = Pick<AuthorizationRequest, 'state' | 'nonce' | 'codeVerifier'>;

function parametersOf(
  { redirectUri, scope, parameters }: AuthorizationRequestInput,
  { state, nonce, codeVerifier }: RequestSecrets,
): [string, string][] {
  const own: [string, string][] = [
    ['response_type', 'code'],
    ['redirect_uri', redirectUri],
    ['scope', scope ?? ''],
    ['state', state.reveal()],
    ['nonce', nonce?.reveal() ?? ''],
  ];
  if (codeVerifier !== null) {
    own.push(['code_challenge', codeChallengeOf(codeVerifier)], ['code_challenge_method', 'S256']);
  }
  return [...own.filter(([, value]) => value !== ''), ...furtherParameters(parameters)];
}

/**
 * The parameters that a connection adds to what a person is asked.
 *
 * @throws OAuthRequestError `protocol_parameter` when one is the protocol's own.
 */
export function furtherParameters(
  parameters: Readonly<Record<string, string>>,
): [string, string][] {
  const entries = Object.entries(parameters);
  const protocol = entries.map(([name]) => name).filter(isAuthorizationParameter);
  if (protocol.length === 0) return entries;
  throw new OAuthRequestError(
    'protocol_parameter',
    `The grant's authorizationParameters may not set ${protocol.join(', ')}.`,
  );
}

function urlOf(endpoint: URL, parameters: readonly [string, string][]): Secret {
  // A query that the endpoint has stays (RFC 6749 §3.1).
  const url = new URL(endpoint);
  for (const [name, value] of parameters) url.searchParams.set(name, value);
  return new Secret(url.href);
}

async function push(
  { authorizationServer, client }: AuthorizationRequestInput,
  parameters: [string, string][],
  options: EndpointRequestOptions,
) {
  const endpoint = authorizationServer.pushedAuthorizationRequestEndpoint ?? '';
  // `client_id` is part of an authorization request however the client authenticates.
  const form: [string, string][] = [['client_id', client.clientId], ...parameters];
  const result = await postForMembers({ endpoint, client, parameters: form }, options);
  if (result.kind === 'failed') return result;
  const requestUri = result.members.get('request_uri');
  if (typeof requestUri !== 'string' || !/^[\x21-\x7e]{1,2048}$/.test(requestUri)) {
    return malformedAnswer(result.elapsedMs);
  }
  registerSecret(requestUri);
  const expiresInMs = readLifetime(result.members.get('expires_in')).ms;
  return { kind: 'pushed' as const, requestUri, expiresInMs };
}
