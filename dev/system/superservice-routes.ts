import { setTimeout as sleep } from 'node:timers/promises';

/** An authorized request to the SuperService API. */
export interface ApiCall {
  method: string;
  url: URL;
  /** All of them, the authorization header included. */
  headers: Record<string, string>;
  body: string;
}

/** What the SuperService API answers. */
export interface ApiAnswer {
  status: number;
  headers?: Record<string, string>;
  /** Sent as JSON, or as it is if it is a string. */
  body?: unknown;
}

/** The header that goes with every 401 (RFC 6750 §3). */
export const INVALID_TOKEN = { 'www-authenticate': 'Bearer error="invalid_token"' };

type Route = (call: ApiCall, things: unknown[]) => ApiAnswer | Promise<ApiAnswer>;

const MAX_SLOW_MS = 120_000;
const MAX_BYTES = 50_000_000;

function numberIn(call: ApiCall, name: string, limit: number): number {
  return Math.min(Math.max(Number(call.url.searchParams.get(name)) || 0, 0), limit);
}

function parseThing(body: string): object {
  try {
    return { ...(JSON.parse(body) as object) };
  } catch {
    return {};
  }
}

function withoutAuthorization(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
}

const routes: Record<string, Route> = {
  'GET /v1/things': (_call, things) => ({ status: 200, body: { things } }),
  'POST /v1/things': (call, things) => {
    const thing = { ...parseThing(call.body), id: things.length + 1 };
    things.push(thing);
    return { status: 201, body: thing };
  },
  'GET /v1/forbidden': () => ({ status: 403, body: { error: 'not for you' } }),
  'GET /v1/always-unauthorized': () => ({ status: 401, headers: INVALID_TOKEN }),
  'GET /v1/redirect': (call) => ({
    status: 302,
    headers: { location: call.url.searchParams.get('to') ?? '/v1/things' },
  }),
  // A careless API, to see that a token does not come back in an answer.
  'GET /v1/echo-authorization': (call) => ({
    status: 200,
    body: { authorization: call.headers['authorization'] },
  }),
  'GET /v1/slow': async (call) => {
    await sleep(numberIn(call, 'ms', MAX_SLOW_MS));
    return { status: 200, body: { slow: true } };
  },
  'GET /v1/large': (call) => ({
    status: 200,
    body: 'x'.repeat(numberIn(call, 'bytes', MAX_BYTES)),
  }),
};

/** Answers an authorized request. `/v1/echo` takes every method. */
export async function answerCall(call: ApiCall, things: unknown[]): Promise<ApiAnswer> {
  if (call.url.pathname === '/v1/echo') {
    const headers = withoutAuthorization(call.headers);
    return { status: 200, body: { method: call.method, headers, body: call.body } };
  }
  const route = routes[`${call.method} ${call.url.pathname}`];
  return route?.(call, things) ?? { status: 404, body: { error: 'no such thing' } };
}
