import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import type { ClientMetadata, Configuration } from 'oidc-provider';
import type { MemoryStore } from './memory-adapter.js';

/** A client that the authorization server knows. */
export interface ClientRegistration {
  clientId: string;
  /** Not for a client that authenticates with `none`. */
  clientSecret?: string;
  /** By default `client_secret_basic`. */
  authentication?: 'client_secret_basic' | 'client_secret_post' | 'none';
  /** By default `client_credentials` alone. */
  grantTypes?: readonly ('client_credentials' | 'refresh_token')[];
  /** What it may ask for, separated by spaces; by default `things:read things:write`. */
  scope?: string;
}

/** What decides how the authorization server behaves. */
export interface OidcSettings {
  clients: readonly ClientRegistration[];
  accessTokenTtlSeconds: number;
  rotateRefreshToken: boolean;
  store: MemoryStore;
}

const DEFAULT_SCOPE = 'things:read things:write';
const REFRESH_TOKEN_TTL_SECONDS = 30 * 24 * 60 * 60;

function toMetadata(client: ClientRegistration): ClientMetadata {
  const { clientId, clientSecret, grantTypes = ['client_credentials'] } = client;
  return {
    client_id: clientId,
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
    token_endpoint_auth_method: client.authentication ?? 'client_secret_basic',
    grant_types: [...grantTypes],
    // Nobody signs in here: grants are made in code.
    response_types: [],
    redirect_uris: [],
    scope: client.scope ?? DEFAULT_SCOPE,
  };
}

/**
 * The configuration of `oidc-provider`. Everything that it would warn about as "development only"
 * is given explicitly: storage, signing keys, cookie keys, interactions, policies and lifetimes.
 */
export async function oidcConfiguration(settings: OidcSettings): Promise<Configuration> {
  const { store, accessTokenTtlSeconds } = settings;
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const clients = settings.clients.map(toMetadata);
  const scopes = new Set(clients.flatMap(({ scope = '' }) => scope.split(' ')));
  return {
    adapter: (model) => store.adapterFor(model),
    clients,
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    scopes: [...scopes, 'offline_access'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    findAccount: (_context, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId }),
    }),
    rotateRefreshToken: settings.rotateRefreshToken,
    ttl: {
      AccessToken: accessTokenTtlSeconds,
      ClientCredentials: accessTokenTtlSeconds,
      RefreshToken: REFRESH_TOKEN_TTL_SECONDS,
      Grant: REFRESH_TOKEN_TTL_SECONDS,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
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
