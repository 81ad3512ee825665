import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import type { ClientMetadata, Configuration } from 'oidc-provider';
import { confirmDevicePage, lastPage, userCodePage } from './consent-pages.js';
import { interactionPath } from './interactions.js';
import type { MemoryStore } from './memory-adapter.js';

/** The grants that a client may be registered for. */
export type ClientGrantType =
  | 'client_credentials'
  | 'refresh_token'
  | 'authorization_code'
  | 'urn:ietf:params:oauth:grant-type:device_code';

/** A client that the authorization server knows. */
export interface ClientRegistration {
  clientId: string;
  /** Not for a client that authenticates with `none`. */
  clientSecret?: string;
  /** By default `client_secret_basic`. */
  authentication?: 'client_secret_basic' | 'client_secret_post' | 'none';
  /** By default `client_credentials` alone. */
  grantTypes?: readonly ClientGrantType[];
  /** Where a person comes back to; a loopback one with any port (RFC 8252 §7.3). */
  redirectUris?: readonly string[];
  /** Takes pushed authorization requests only (RFC 9126 §6). */
  requirePushedAuthorizationRequests?: boolean;
  /** What it may ask for, separated by spaces; by default `things:read things:write`. */
  scope?: string;
}

/** What decides how the authorization server behaves. */
export interface OidcSettings {
  clients: readonly ClientRegistration[];
  accessTokenTtlSeconds: number;
  rotateRefreshToken: boolean;
  deviceCodeTtlSeconds: number;
  store: MemoryStore;
}

const DEFAULT_SCOPE = 'things:read things:write';
const REFRESH_TOKEN_TTL_SECONDS = 30 * 24 * 60 * 60;
const SIGN_IN_TTL_SECONDS = 60 * 60;
const CODE_TTL_SECONDS = 60;

function toMetadata(client: ClientRegistration): ClientMetadata {
  const { clientId, clientSecret, grantTypes = ['client_credentials'], redirectUris = [] } = client;
  return {
    client_id: clientId,
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
    token_endpoint_auth_method: client.authentication ?? 'client_secret_basic',
    grant_types: [...grantTypes],
    response_types: grantTypes.includes('authorization_code') ? ['code'] : [],
    redirect_uris: [...redirectUris],
    // Only so may a redirect URI be http on loopback, with any port.
    application_type: redirectUris.some((uri) => uri.startsWith('http:')) ? 'native' : 'web',
    require_pushed_authorization_requests: client.requirePushedAuthorizationRequests ?? false,
    scope: client.scope ?? DEFAULT_SCOPE,
  };
}

const DEVICE_PAGES: NonNullable<NonNullable<Configuration['features']>['deviceFlow']> = {
  userCodeInputSource: (context, form, _out, error) => {
    const again = error === undefined ? null : 'That code is not known, or not any more.';
    context.body = userCodePage(form, again);
  },
  userCodeConfirmSource: (context, form, client, _deviceInfo, userCode) => {
    context.body = confirmDevicePage(form, client.clientId, userCode);
  },
  successSource: (context) => {
    context.body = lastPage('Done', 'The device is connected. You can close this page.');
  },
};

/**
 * The configuration of `oidc-provider`. Everything that it would warn about as "development only"
 * is given explicitly: storage, signing keys, cookie keys, interactions, policies and lifetimes.
 */
export async function oidcConfiguration(settings: OidcSettings): Promise<Configuration> {
  const { store, accessTokenTtlSeconds } = settings;
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const clients = settings.clients.map(toMetadata);
  const named = clients.flatMap(({ scope = '' }) => scope.split(' '));
  const scopes = new Set([...named, 'openid', 'offline_access']);
  return {
    adapter: (model) => store.adapterFor(model),
    clients,
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    scopes: [...scopes],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    findAccount: (_context, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId }),
    }),
    interactions: { url: (_context, { uid }) => interactionPath(uid) },
    renderError: (context, { error }) => {
      context.type = 'html';
      context.body = lastPage('That did not work', error);
    },
    rotateRefreshToken: settings.rotateRefreshToken,
    ttl: {
      AuthorizationCode: CODE_TTL_SECONDS,
      DeviceCode: settings.deviceCodeTtlSeconds,
      IdToken: SIGN_IN_TTL_SECONDS,
      Interaction: SIGN_IN_TTL_SECONDS,
      Session: SIGN_IN_TTL_SECONDS,
      AccessToken: accessTokenTtlSeconds,
      ClientCredentials: accessTokenTtlSeconds,
      RefreshToken: REFRESH_TOKEN_TTL_SECONDS,
      Grant: REFRESH_TOKEN_TTL_SECONDS,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true, ...DEVICE_PAGES },
      // A resource server may ask about every token, a public client only about its own.
      introspection: {
        enabled: true,
        allowedPolicy: (_context, client, token) =>
          client.clientAuthMethod !== 'none' || token.clientId === client.clientId,
      },
      revocation: {
        enabled: true,
        allowedPolicy: (_context, client, token) => token.clientId === client.clientId,
      },
      // With it, an unknown `resource` is an error; most authorization servers ignore it.
      resourceIndicators: { enabled: false },
    },
  };
}
