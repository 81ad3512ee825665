import { failure, toFailure } from '../failures.js';
import { networkPolicyErrorOf, type Network } from '../network.js';
import type { AccessToken } from './access-token.js';
import type { ApiRulesReader } from './api-rules.js';
import type { TokenReader } from './token-reader.js';
import type { TokenSource } from './token-source.js';

/** What an authorized fetch works with. */
export interface AuthorizedFetchParts {
  getAccessToken: TokenSource['getAccessToken'];
  rules: ApiRulesReader;
  network: Network;
  reader: TokenReader;
}

/**
 * The global `fetch` with a connection's token added. Origin and network are checked before a token
 * is opened; a 401 leads to one rejection of that generation and one more sending.
 */
export function createAuthorizedFetch(parts: AuthorizedFetchParts): TokenSource['fetch'] {
  return async (connectionId, url, init = {}) => {
    try {
      return await authorizedFetch(parts, connectionId, url, init);
    } catch (error) {
      throw fetchFailure(error, connectionId, init.signal ?? undefined);
    }
  };
}

async function authorizedFetch(
  parts: AuthorizedFetchParts,
  connectionId: string,
  url: string | URL,
  init: RequestInit,
): Promise<Response> {
  const target = parseUrl(connectionId, url);
  const headers = new Headers(init.headers);
  if (headers.has('authorization')) {
    const detail = 'authorization is set by the token source.';
    throw failure('Policy.header_not_allowed', { connectionId, detail });
  }
  const { allowedOrigins } = await parts.rules.get(connectionId);
  if (!allowedOrigins.has(target.origin)) {
    const detail = `The origin is ${target.origin}.`;
    throw failure('Policy.origin_not_allowed', { connectionId, detail });
  }
  parts.network.assertUrlAllowed(target);

  const signal = init.signal ?? undefined;
  const token = await parts.getAccessToken(connectionId, signal && { signal });
  const first = await send(parts.network, target, init, headers, token);
  if (first.status !== 401) return first;
  if (!canSendAgain(init.body)) {
    await rejectAndRefresh(parts, token, signal).catch(() => undefined);
    return first;
  }
  await first.body?.cancel();
  if (signal !== undefined) refused.add(signal);
  const next = await rejectAndRefresh(parts, token, signal);
  if (signal !== undefined) refused.delete(signal);
  const second = await send(parts.network, target, init, headers, next);
  if (second.status === 401) await reject(parts, next);
  return second;
}

async function send(
  network: Network,
  target: URL,
  init: RequestInit,
  headers: Headers,
  token: AccessToken,
): Promise<Response> {
  const authorized = new Headers(headers);
  authorized.set('authorization', `${token.tokenType} ${token.reveal()}`);
  const { dispatcher } = network;
  const authorizedInit = { ...init, headers: authorized, redirect: 'manual', dispatcher };
  // Node's `fetch` takes undici's dispatcher; its types are those of another undici version.
  const response = await fetch(target, authorizedInit as unknown as RequestInit);
  sentTokens.set(response, token);
  return response;
}

const sentTokens = new WeakMap<Response, AccessToken>();

/** The token a response of an authorized fetch was asked with. */
export function tokenSentFor(response: Response): AccessToken | undefined {
  return sentTokens.get(response);
}

const refused = new WeakSet<AbortSignal>();

/** Whether the request of a signal was answered with 401 and not sent again: it did nothing. */
export function wasRefused(signal: AbortSignal): boolean {
  return refused.has(signal);
}

function rejectAndRefresh(
  parts: AuthorizedFetchParts,
  token: AccessToken,
  signal: AbortSignal | undefined,
): Promise<AccessToken> {
  const rejectedGeneration = token.generation;
  return parts.getAccessToken(token.connectionId, {
    rejectedGeneration,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Writes down that the newest generation was refused too; the next caller decides from that. */
async function reject(parts: AuthorizedFetchParts, token: AccessToken): Promise<void> {
  const read = await parts.reader.read(token.connectionId);
  if (read === null) return;
  const { epoch, generation, invalid } = read.record;
  if (epoch !== token.epoch || generation !== token.generation) return;
  if (invalid === null) await parts.reader.reject(read.record);
}

/** A stream is read once; everything else `fetch` takes can be sent again. */
function canSendAgain(body: RequestInit['body']): boolean {
  if (body === undefined || body === null || typeof body === 'string') return true;
  return (
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof URLSearchParams ||
    body instanceof FormData ||
    body instanceof Blob
  );
}

function parseUrl(connectionId: string, url: string | URL): URL {
  try {
    return new URL(url);
  } catch {
    throw failure('Connection.invalid', { connectionId, detail: 'url: must be an absolute URL.' });
  }
}

/** undici's codes for a request that it does not send as it is. */
const NOT_SENDABLE = /^UND_ERR_(INVALID_ARG|NOT_SUPPORTED)$/;

/** What `fetch` throws becomes a failure that names a code at most; a caller's own mistake stays. */
function fetchFailure(error: unknown, connectionId: string, signal?: AbortSignal): unknown {
  if (signal?.aborted === true) return error;
  const policy = networkPolicyErrorOf(error);
  if (policy !== undefined) return toFailure(policy, { connectionId });
  if (!(error instanceof TypeError)) return toFailure(error, { connectionId });
  if (error.message !== 'fetch failed') return error;
  const code = systemErrorCode(error) ?? 'unknown';
  if (NOT_SENDABLE.test(code)) {
    const detail = `The request has a header or method that cannot be sent (${code}).`;
    return failure('Connection.invalid', { connectionId, detail });
  }
  return failure('Api.unreachable', { connectionId, detail: `(${code})`, details: { code } });
}

/** The system's, undici's or our code of a failed `fetch`, such as `ECONNREFUSED`. */
function systemErrorCode(error: unknown): string | null {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; depth += 1) {
    if ('code' in current && typeof current.code === 'string') {
      return /^[A-Za-z0-9_]{1,64}$/.test(current.code) ? current.code : null;
    }
    current = current.cause;
  }
  return null;
}
