import { startChild } from './child.js';

/** What reached the authorization server and the API. */
export interface Seen {
  tokenRequests: { at: number; clientId: string }[];
  apiCalls: { served: number; refused: number };
}

/** The authorization server and the API of the benches, in a process of their own. */
export interface Endpoints {
  origin: string;
  apiUrl: string;
  /** A token endpoint that answers after `delayMs` with a token that lives `lifetimeS`. */
  tokenEndpoint(delayMs: number, lifetimeS: number): string;
  seen(): Promise<Seen>;
  /** How many token requests a client made. A connection's client id is its connection id. */
  countTokenRequests(clientId: string): Promise<number>;
  /** Makes tokens valid at the API that it did not issue. */
  know(tokens: [token: string, lifetimeMs: number][]): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the process. */
export async function startEndpoints(): Promise<Endpoints> {
  const { child, readyLine } = await startChild('bench/processes/endpoints.ts');
  const origin = readyLine.replace('ready ', '');
  const seen = async (): Promise<Seen> => (await (await fetch(`${origin}/seen`)).json()) as Seen;
  return {
    origin,
    apiUrl: `${origin}/things`,
    tokenEndpoint: (delayMs, lifetimeS) => `${origin}/token/${delayMs}/${lifetimeS}`,
    seen,
    async countTokenRequests(clientId) {
      const { tokenRequests } = await seen();
      return tokenRequests.filter((request) => request.clientId === clientId).length;
    },
    async know(tokens) {
      await fetch(`${origin}/know`, { method: 'POST', body: JSON.stringify(tokens) });
    },
    stop: () => child.stop(),
  };
}
