import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { Provider } from 'oidc-provider/lib/provider.js';
import { interactions } from './interactions.js';
import { listenOnLoopback } from './loopback-server.js';
import { createMemoryStore } from './memory-adapter.js';
import { oidcConfiguration, type ClientRegistration } from './oidc-configuration.js';
import {
  basicClientId,
  countRequests,
  noteBody,
  type TokenRequest,
  type TokenRequestFilter,
} from './token-requests.js';

/** What a token request is answered with instead of the real answer. */
export interface ScriptedAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** Ways to get between a token request and its answer; set and reset at any time. */
export interface TokenHooks {
  /** Called when a request arrives; may wait, and may answer in the authorization server's place. */
  onTokenRequest: ((request: TokenRequest) => Promise<ScriptedAnswer | void>) | null;
  /** Called when the authorization server has decided and before the answer leaves; may wait. */
  onTokenResponse: ((request: TokenRequest) => Promise<void>) | null;
}

/** How the authorization server is started. */
export interface AuthorizationServerOptions {
  /** By default a free one. */
  port?: number;
  clients: readonly ClientRegistration[];
  /** By default 20. */
  accessTokenTtlSeconds?: number;
  /** By default ten minutes. */
  deviceCodeTtlSeconds?: number;
  /** Whether each refresh gives a new refresh token and ends the old one; by default not. */
  rotateRefreshToken?: boolean;
}

/** Whose consent a refresh token stands for. */
export interface RefreshTokenInput {
  clientId: string;
  accountId: string;
  /** Separated by spaces. */
  scope: string;
}

/** A running authorization server. */
export interface AuthorizationServer {
  issuer: string;
  port: number;
  tokenEndpoint: string;
  introspectionEndpoint: string;
  revocationEndpoint: string;
  authorizationEndpoint: string;
  pushedAuthorizationRequestEndpoint: string;
  deviceAuthorizationEndpoint: string;
  jwksUri: string;
  /** The client that a resource server introspects tokens with; always registered. */
  resourceServerClient: { clientId: string; clientSecret: string };
  /** Every request that reached the token endpoint, in order. */
  requests: TokenRequest[];
  countTokenRequests(filter?: TokenRequestFilter): number;
  hooks: TokenHooks;
  /** Makes a grant and a refresh token as if an account had given its consent in a browser. */
  mintRefreshToken(input: RefreshTokenInput): Promise<string>;
  /** Makes one access token inactive behind everybody's back; says whether it was active. */
  revokeAccessToken(accessToken: string): boolean;
  /** Makes every access token inactive behind everybody's back; says how many there were. */
  revokeAllAccessTokens(): number;
  /** Ends every grant, as when a person withdraws consent: refreshing is `invalid_grant` then. */
  revokeAllGrants(): number;
  /** Every token, code and device code that was ever issued, for a search for leaks. */
  everIssued(): string[];
  /** How many refresh tokens can be used. */
  countRefreshTokens(): number;
  /** Ends it. Safe to call again. */
  stop: () => Promise<void>;
}

const ACCESS_TOKENS = ['AccessToken', 'ClientCredentials'];
const CODES = ['AuthorizationCode', 'DeviceCode'];

/** Notes a token request and lets the hooks take part in it. */
async function observe(
  context: KoaContextWithOIDC,
  next: () => Promise<void>,
  seen: { requests: TokenRequest[]; hooks: TokenHooks },
): Promise<void> {
  const clientId = basicClientId(context.get('authorization'));
  const request: TokenRequest = { at: new Date(), grantType: null, clientId, status: null };
  seen.requests.push(request);
  const answer = await seen.hooks.onTokenRequest?.(request);
  if (answer) {
    context.status = answer.status;
    context.set(answer.headers ?? {});
    context.body = answer.body ?? '';
    noteBody(request, Object.fromEntries(new URLSearchParams(await text(context.req))));
  } else {
    await next();
    noteBody(request, context.oidc.body ?? {});
  }
  request.status = context.status;
  await seen.hooks.onTokenResponse?.(request);
}

/**
 * Starts a real authorization server (`oidc-provider`) on 127.0.0.1: client credentials, refresh
 * tokens, authorization code (with pages for a person, PKCE, RFC 9126 and RFC 9207), device code
 * (RFC 8628), introspection (RFC 7662) and revocation (RFC 7009), with opaque tokens.
 */
export async function startAuthorizationServer(
  options: AuthorizationServerOptions,
): Promise<AuthorizationServer> {
  const store = createMemoryStore();
  const resourceServerClient = {
    clientId: 'superservice-api',
    clientSecret: randomBytes(24).toString('base64url'),
  };
  const configuration = await oidcConfiguration({
    clients: [...options.clients, { ...resourceServerClient, grantTypes: [] }],
    accessTokenTtlSeconds: options.accessTokenTtlSeconds ?? 20,
    rotateRefreshToken: options.rotateRefreshToken ?? false,
    deviceCodeTtlSeconds: options.deviceCodeTtlSeconds ?? 600,
    store,
  });
  const server = await listenOnLoopback(options.port);
  const provider = new Provider(server.origin, configuration);
  const requests: TokenRequest[] = [];
  const hooks: TokenHooks = { onTokenRequest: null, onTokenResponse: null };
  provider.use((context: KoaContextWithOIDC, next) =>
    context.method === 'POST' && context.path === '/token'
      ? observe(context, next, { requests, hooks })
      : next(),
  );
  provider.use(interactions(provider));
  const answer = provider.callback();
  server.answerWith((request, response) => void answer(request, response));

  return {
    issuer: provider.issuer,
    port: server.port,
    tokenEndpoint: `${server.origin}/token`,
    introspectionEndpoint: `${server.origin}/token/introspection`,
    revocationEndpoint: `${server.origin}/token/revocation`,
    authorizationEndpoint: `${server.origin}/auth`,
    pushedAuthorizationRequestEndpoint: `${server.origin}/request`,
    deviceAuthorizationEndpoint: `${server.origin}/device/auth`,
    jwksUri: `${server.origin}/jwks`,
    resourceServerClient,
    requests,
    countTokenRequests: (filter = {}) => countRequests(requests, filter),
    hooks,
    mintRefreshToken: (input) => mintRefreshToken(provider, input),
    revokeAccessToken: (accessToken) => store.forget(ACCESS_TOKENS, accessToken) > 0,
    revokeAllAccessTokens: () => store.forget(ACCESS_TOKENS),
    revokeAllGrants: () => store.forget(['Grant']),
    everIssued: () => store.everIssued([...ACCESS_TOKENS, 'RefreshToken', ...CODES]),
    countRefreshTokens: () => store.count('RefreshToken'),
    stop: server.stop,
  };
}

async function mintRefreshToken(
  provider: InstanceType<typeof Provider>,
  input: RefreshTokenInput,
): Promise<string> {
  const { clientId, accountId, scope } = input;
  const client = await provider.Client.find(clientId);
  if (client === undefined) throw new Error(`the authorization server knows no client ${clientId}`);
  const grant = new provider.Grant({ clientId, accountId });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  const refreshToken = new provider.RefreshToken({
    client,
    accountId,
    grantId,
    scope,
    gty: 'authorization_code',
  });
  return refreshToken.save();
}
