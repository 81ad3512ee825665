/** Requests of the grants that need a person, for tests. */
import type { AuthorizationRequestInput } from '../../src/oauth/index.js';
import { Secret } from '../../src/secret.js';
import { CLIENT_SECRET, loopback } from './requests.js';

export const REDIRECT_URI = 'https://tokens.example/callback?tenant=1';

/** How requests of tests are sent. */
export const SEND = { network: loopback, timeoutMs: 2_000 };

/** A client that authenticates with a secret in the body. */
export const CLIENT = {
  clientId: 'client_id_123',
  authentication: 'client_secret_post' as const,
  clientSecret: new Secret(CLIENT_SECRET),
};

/** What most tests ask a person for; say what is different. */
export function authorizationInput(
  different: Partial<AuthorizationRequestInput> = {},
): AuthorizationRequestInput {
  return {
    authorizationServer: {
      authorizationEndpoint: 'https://auth.example/authorize?flow=1',
      pushedAuthorizationRequestEndpoint: null,
      requirePushedAuthorizationRequests: false,
    },
    client: CLIENT,
    redirectUri: REDIRECT_URI,
    scope: 'openid offline_access',
    parameters: { access_type: 'offline', prompt: 'consent' },
    pkce: true,
    ...different,
  };
}
