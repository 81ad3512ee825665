import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { isActive, type IntrospectionOptions } from './introspection.js';
import { listenOnLoopback } from './loopback-server.js';
import { answerCall, INVALID_TOKEN, type ApiAnswer } from './superservice-routes.js';

/** How the SuperService API is started. */
export interface SuperserviceApiOptions extends IntrospectionOptions {
  /** By default a free one. */
  port?: number;
}

/** One request that reached the SuperService API. It never holds a token. */
export interface ApiRequest {
  at: Date;
  method: string;
  /** Path and query. */
  path: string;
  /** Status of the answer, or null as long as there is none. */
  status: number | null;
}

/** A running SuperService API. */
export interface SuperserviceApi {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  origin: string;
  port: number;
  /** Every request, in order. */
  requests: ApiRequest[];
  /** How many requests were answered, in total and by status. */
  counts(): { total: number; byStatus: Record<number, number> };
  /** Ends it. Safe to call again. */
  stop: () => Promise<void>;
}

const UNAUTHORIZED: ApiAnswer = {
  status: 401,
  headers: INVALID_TOKEN,
  body: { error: 'invalid_token' },
};

function countByStatus(requests: ApiRequest[]): ReturnType<SuperserviceApi['counts']> {
  const byStatus: Record<number, number> = {};
  const answered = requests.flatMap(({ status }) => status ?? []);
  for (const status of answered) byStatus[status] = (byStatus[status] ?? 0) + 1;
  return { total: answered.length, byStatus };
}

function flatHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
}

function send(response: ServerResponse, answer: ApiAnswer): void {
  const isText = typeof answer.body === 'string';
  response.writeHead(answer.status, {
    'content-type': isText ? 'text/plain' : 'application/json',
    ...answer.headers,
  });
  response.end(isText ? answer.body : JSON.stringify(answer.body ?? {}));
}

/**
 * Starts the SuperService API of the demo and the tests: a protected resource on 127.0.0.1 that
 * asks the authorization server about every bearer token it is sent. Its routes are in
 * `superservice-routes.ts`.
 */
export async function startSuperserviceApi(
  options: SuperserviceApiOptions,
): Promise<SuperserviceApi> {
  const server = await listenOnLoopback(options.port);
  const requests: ApiRequest[] = [];
  const things: unknown[] = [
    { id: 1, name: 'a first thing' },
    { id: 2, name: 'a second thing' },
  ];
  const answer = async (request: IncomingMessage): Promise<ApiAnswer> => {
    const headers = flatHeaders(request);
    const token = /^Bearer (.+)$/i.exec(headers['authorization'] ?? '')?.[1];
    const body = await text(request);
    if (token === undefined || !(await isActive(options, token))) return UNAUTHORIZED;
    const url = new URL(request.url ?? '/', server.origin);
    return answerCall({ method: request.method ?? 'GET', url, headers, body }, things);
  };
  server.answerWith((request, response) => {
    const { method = 'GET', url: path = '/' } = request;
    const noted: ApiRequest = { at: new Date(), method, path, status: null };
    requests.push(noted);
    void answer(request)
      // Without the authorization server it can tell nothing about a token.
      .catch((error: unknown): ApiAnswer => ({ status: 503, body: { error: String(error) } }))
      .then((result) => {
        noted.status = result.status;
        send(response, result);
      });
  });
  return {
    origin: server.origin,
    port: server.port,
    requests,
    counts: () => countByStatus(requests),
    stop: server.stop,
  };
}
