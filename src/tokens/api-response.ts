import type { CallApiResult } from '../contract/messages.js';
import { failure } from '../failures.js';
import type { AccessToken } from './access-token.js';
import type { ApiRules } from './api-rules.js';

/** The largest result, as encoded payload: half of what Temporal takes in one payload. */
const MAX_RESULT_BYTES = 1024 * 1024;

/** Response headers every caller gets (contract §5). */
const RETURNED_HEADERS = [
  'content-type',
  'etag',
  'last-modified',
  'location',
  'link',
  'retry-after',
];

const TEXT_TYPE =
  /^(text\/|application\/([a-z0-9.+-]*\+)?(json|xml|javascript|yaml)\b|application\/x-www-form-urlencoded)/i;

/**
 * Reads a body up to the size that can be returned.
 *
 * @throws ApplicationFailure `Api.response_too_large`
 */
export async function readLimited(response: Response, connectionId: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body === null) return Buffer.alloc(0);
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_RESULT_BYTES) throw failure('Api.response_too_large', { connectionId });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** An answer, and what it is checked against. */
export interface ApiAnswer {
  response: Response;
  bytes: Buffer;
  rules: ApiRules;
  connectionId: string;
  /** The token that was sent. */
  sent: AccessToken | undefined;
}

/**
 * Builds `callApi`'s result.
 *
 * @throws ApplicationFailure `Policy.secret_in_response`, `Api.response_too_large`
 */
export function apiResult({
  response,
  bytes,
  rules,
  connectionId,
  sent,
}: ApiAnswer): CallApiResult {
  const headers: Record<string, string> = {};
  for (const name of [...RETURNED_HEADERS, ...rules.responseHeaders]) {
    const value = response.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  const text = decodeText(bytes, headers['content-type'] ?? '');
  const result: CallApiResult =
    text === null
      ? { status: response.status, headers, body: bytes.toString('base64'), bodyEncoding: 'base64' }
      : { status: response.status, headers, body: text };
  const returned = [bytes.toString('latin1'), text ?? '', ...Object.values(headers)].join('\n');
  if (sent !== undefined && holdsToken(returned, sent.reveal())) {
    throw failure('Policy.secret_in_response', { connectionId });
  }
  if (Buffer.byteLength(JSON.stringify(result)) > MAX_RESULT_BYTES) {
    throw failure('Api.response_too_large', { connectionId });
  }
  return result;
}

/** The body as text; null: it is not text. */
function decodeText(bytes: Buffer, contentType: string): string | null {
  if (contentType !== '' && !TEXT_TYPE.test(contentType)) return null;
  const charset = /charset="?([A-Za-z0-9._-]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Whether an answer quotes the token: as it is, or as JSON, a URL or base64 writes it. */
function holdsToken(returned: string, token: string): boolean {
  const unescaped = returned.replace(/\\(?:u([0-9a-f]{4})|(\/))/gi, (_, hex: string | undefined) =>
    hex === undefined ? '/' : characterOf(hex),
  );
  const decoded = unescaped.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => characterOf(hex));
  const forms = [token, ...[0, 1, 2].flatMap((shift) => base64Cores(token, shift))];
  return [returned, unescaped, decoded].some((text) => forms.some((form) => text.includes(form)));
}

const characterOf = (hex: string): string => String.fromCharCode(parseInt(hex, 16));

/**
 * The part of a text's base64 that is the same whatever stands around it, for one of 3 offsets, in
 * both alphabets.
 */
function base64Cores(token: string, shift: number): string[] {
  const bytes = Buffer.from(`${'\0'.repeat(shift)}${token}`);
  return (['base64', 'base64url'] as const)
    .map((alphabet) => bytes.toString(alphabet).replace(/=+$/, ''))
    .map((encoded) => encoded.slice(shift === 0 ? 0 : shift + 1, -1))
    .filter((core) => core.length >= 12);
}
