import { registerSecret } from '../known-secrets.js';
import type { Secret } from '../secret.js';
import type { TokenClient } from './client-authentication.js';
import { postToEndpoint, type EndpointRequestOptions } from './endpoint-request.js';
import type { AnswerText } from './members.js';
import type { TokenRequestFailure, TokenRequestFailureCode } from './token-result.js';

/** A request about a token to an endpoint beside the token endpoint. */
export interface TokenQuestion {
  /** Absolute URL, pinned in the connection's record. */
  readonly endpoint: string;
  readonly client: TokenClient;
  readonly token: Secret;
  /** What the token is, so that the server need not search (RFC 7009 §2.1, RFC 7662 §2.1). */
  readonly hint: 'access_token' | 'refresh_token';
}

/** How it is sent. */
export type TokenQuestionOptions = EndpointRequestOptions;

/** Why there is no usable answer. */
export interface TokenQuestionFailure {
  readonly kind: 'failed';
  readonly code: TokenRequestFailureCode;
  /** The server refused for good; else the same request may do better later. */
  readonly final: boolean;
  /** How long the server asks to wait, in milliseconds; null: it does not say. */
  readonly retryAfterMs: number | null;
  /** Null: no status line was received. */
  readonly httpStatus: number | null;
}

/** An answer with a status of 200 to 299. */
export interface TokenQuestionAnswer {
  readonly kind: 'answered';
  readonly httpStatus: number;
  readonly answer: AnswerText;
}

const CODES_THAT_PASS = new Set<TokenRequestFailureCode>([
  'rate_limited',
  'server_error',
  'unreachable',
  'malformed_response',
]);

/**
 * Posts a token to an endpoint once, authenticated like a token request, over a fresh connection and
 * without following redirects: the token is in the body.
 *
 * @throws OAuthRequestError when the request cannot be built
 * @throws NetworkPolicyError when the network setting does not allow the endpoint
 * @see https://www.rfc-editor.org/rfc/rfc7009.html#section-2.1
 */
export async function askAboutToken(
  question: TokenQuestion,
  options: TokenQuestionOptions,
): Promise<TokenQuestionAnswer | TokenQuestionFailure> {
  const { endpoint, client, token, hint } = question;
  // What an answer or an error may quote.
  registerSecret(token);
  const parameters = [
    ['token', token.reveal()],
    ['token_type_hint', hint],
  ] as const;
  const result = await postToEndpoint({ endpoint, client, parameters }, options);
  if (result.kind === 'failed') return failed(result.failure);
  const { httpStatus, answer } = result;
  return { kind: 'answered', httpStatus, answer };
}

function failed(seen: TokenRequestFailure): TokenQuestionFailure {
  const { code, retryAfterMs, certainty, httpStatus } = seen;
  const final = certainty === 'rejected' && !CODES_THAT_PASS.has(code);
  return { kind: 'failed', code, final, retryAfterMs, httpStatus };
}
