import type { TokenSource } from '../../src/tokens/index.js';

/** How a call gets its token. */
export type CallWay = 'static' | 'package' | 'activity' | 'request';

/** Input of the activities that call the API. */
export interface CallInput {
  connectionId: string;
  url: string;
  tokenEndpoint: string;
  /** A token that is valid all the time. */
  staticToken: string;
}

/** Activities of the benches' application. */
export type ApplicationActivities = ReturnType<typeof createApplicationActivities>;

/** Makes them: the same call, with its token from four places. */
export function createApplicationActivities(tokens: TokenSource) {
  return {
    /** The limit: a token costs nothing, because it is never renewed. */
    callWithStaticHeader: ({ url, staticToken }: CallInput) => call(url, staticToken),
    /** This package. */
    async callWithPackage({ connectionId, url }: CallInput): Promise<number> {
      return drained(await tokens.fetch(connectionId, url));
    },
    /** What people write first: an activity gets the token, which so goes into the history. */
    async getToken({ connectionId }: CallInput): Promise<string> {
      return (await tokens.getAccessToken(connectionId)).reveal();
    },
    callWithToken: ({ url, token }: CallInput & { token: string }) => call(url, token),
    /** A token request for each attempt of an activity. */
    async callWithTokenRequest({ connectionId, url, tokenEndpoint }: CallInput): Promise<number> {
      return call(url, await requestToken(tokenEndpoint, connectionId));
    },
    doNothing: () => Promise.resolve(),
  };
}

async function call(url: string, token: string): Promise<number> {
  return drained(await fetch(url, { headers: { authorization: `Bearer ${token}` } }));
}

async function drained(response: Response): Promise<number> {
  await response.text();
  return response.status;
}

/** The bare token request, without anything around it. */
export async function requestToken(tokenEndpoint: string, clientId: string): Promise<string> {
  const response = await fetch(tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'client_credentials', client_id: clientId },
      client_secret: 'bench-client-secret',
    }),
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}
