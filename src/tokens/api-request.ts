import type { CallApiInput } from '../contract/messages.js';
import { CONNECTION_ID_RULE, isConnectionId } from '../contract/names.js';
import { failure } from '../failures.js';

const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_TIMEOUT_MS = 3_600_000;
const METHOD = /^[A-Z]{1,20}$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Methods a repeated request does no harm with (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Methods that `fetch` does not send. */
const REFUSED_METHODS = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** Headers that are the package's or the connection's own business (contract §5). */
const REFUSED_HEADERS = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
]);

/** A `callApi` input after every check. */
export interface CheckedApiCall {
  connectionId: string;
  method: string;
  url: URL;
  headers: Record<string, string>;
  body: string | Uint8Array<ArrayBuffer> | undefined;
  timeoutMs: number;
  /** Sending it twice does no harm. */
  repeatable: boolean;
}

/**
 * Checks a `callApi` input; unknown members are ignored.
 *
 * @throws ApplicationFailure `Connection.invalid`, naming every wrong field, or
 *   `Policy.header_not_allowed`
 */
export function checkApiCall(input: CallApiInput): CheckedApiCall {
  const { connectionId, method, url, body } = input;
  // Other languages write an absent member as null.
  const headers = input.headers ?? {};
  const bodyEncoding = input.bodyEncoding ?? undefined;
  const timeoutMs = input.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const problems: string[] = [];
  if (!isConnectionId(connectionId)) problems.push(`connectionId: must be ${CONNECTION_ID_RULE}.`);
  const upper = typeof method === 'string' ? method.toUpperCase() : '';
  if (!METHOD.test(upper) || REFUSED_METHODS.has(upper)) {
    problems.push('method: must be an HTTP method such as GET.');
  }
  const target = typeof url === 'string' && URL.canParse(url) ? new URL(url) : null;
  if (target === null) problems.push('url: must be an absolute URL.');
  problems.push(...headerProblems(headers));
  const bytes = decodeBody(body, bodyEncoding, problems);
  if (bytes !== undefined && (upper === 'GET' || upper === 'HEAD')) {
    problems.push(`body: must be absent with ${upper}.`);
  }
  if (!Number.isFinite(timeoutMs) || timeoutMs <= 0 || timeoutMs > MAX_TIMEOUT_MS) {
    problems.push(`timeoutMs: must be a number of milliseconds up to ${MAX_TIMEOUT_MS}.`);
  }
  if (problems.length > 0 || target === null) {
    const about = isConnectionId(connectionId) ? connectionId : undefined;
    throw failure('Connection.invalid', { connectionId: about, detail: problems.join(' ') });
  }
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const refused = names.filter((name) => REFUSED_HEADERS.has(name));
  if (refused.length > 0) {
    const detail = `headers: ${refused.join(', ')}.`;
    throw failure('Policy.header_not_allowed', { connectionId, detail });
  }
  const repeatable = IDEMPOTENT.has(upper) || names.includes('idempotency-key');
  return {
    connectionId,
    method: upper,
    url: target,
    headers,
    body: bytes,
    timeoutMs: Math.ceil(timeoutMs),
    repeatable,
  };
}

function headerProblems(headers: unknown): string[] {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    return ['headers: must be an object of texts.'];
  }
  return Object.entries(headers).flatMap(([name, value]: [string, unknown]) => {
    if (!HEADER_NAME.test(name)) return ['headers: a name is not a header name.'];
    if (typeof value === 'string' && HEADER_VALUE.test(value)) return [];
    return [`headers.${name}: must be a text without line breaks or control characters.`];
  });
}

function decodeBody(
  body: unknown,
  encoding: unknown,
  problems: string[],
): string | Uint8Array<ArrayBuffer> | undefined {
  if (encoding !== undefined && encoding !== 'base64') {
    problems.push('bodyEncoding: must be base64 or absent.');
  }
  if (body === undefined || body === null) return undefined;
  if (typeof body !== 'string') {
    problems.push('body: must be a text; use bodyEncoding base64 for bytes.');
    return undefined;
  }
  if (encoding !== 'base64') return body;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(body)) problems.push('body: must be base64.');
  return new Uint8Array(Buffer.from(body, 'base64'));
}
