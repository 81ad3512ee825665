import { createNetwork, type Network } from '../../src/network.js';
import {
  prepareTokenRequest,
  sendTokenRequest,
  type CapturedResponse,
  type TokenRequestFailure,
  type TokenRequestInput,
  type TokenRequestResult,
} from '../../src/oauth/index.js';
import { Secret } from '../../src/secret.js';

export const CLIENT_SECRET = 'CANARY-client-secret';
export const OLD_REFRESH_TOKEN = 'CANARY-old-refresh-token';

/** A network that reaches the servers of a test. */
export const loopback: Network = createNetwork({ mode: 'loopback' });

/** The refresh request of most tests. */
export function refreshInput(tokenEndpoint: string): TokenRequestInput {
  return {
    tokenEndpoint,
    client: {
      clientId: 'client_id_123',
      authentication: 'client_secret_post',
      clientSecret: new Secret(CLIENT_SECRET),
    },
    grant: {
      grantType: 'refresh_token',
      refreshToken: new Secret(OLD_REFRESH_TOKEN),
      scope: null,
      parameters: {},
    },
  };
}

/** Prepares and sends the refresh request. */
export async function sendRefresh(
  tokenEndpoint: string,
  timeoutMs = 2_000,
  network: Network = loopback,
): Promise<TokenRequestResult> {
  const prepared = prepareTokenRequest(refreshInput(tokenEndpoint), network);
  return sendTokenRequest(prepared, { timeoutMs, network });
}

/** The captured answer of a result, for an assertion. */
export function responseOf(result: TokenRequestResult): CapturedResponse {
  if (result.kind === 'captured') return result.response;
  throw new Error(`Expected an answer, got the failure ${JSON.stringify(result.failure)}.`);
}

/** The failure of a result, for an assertion. */
export function failureOf(result: TokenRequestResult): TokenRequestFailure {
  if (result.kind === 'failed') return result.failure;
  throw new Error(
    `Expected a failure, got an answer with ${result.response.problem ?? 'a token'}.`,
  );
}
