import type { Dispatcher } from 'undici';
import { registerSecret } from '../known-secrets.js';
import type { Network } from '../network.js';
import { Secret } from '../secret.js';
import { isErrorMember } from './capture.js';
import { classifyEmptyAnswer, classifyNoAnswer, classifyRefusal } from './classify.js';
import { authenticateClient, type TokenClient } from './client-authentication.js';
import { OAuthRequestError } from './errors.js';
import { exchangeHttp, type HttpExchange } from './http-exchange.js';
import { parseMembers, type AnswerText } from './members.js';
import { decodeBody } from './response-body.js';
import type { TokenRequestFailureCode } from './token-result.js';

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
export interface TokenQuestionOptions {
  /** Hard limit from connecting to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly network: Pick<Network, 'assertUrlAllowed' | 'requestDispatcher'>;
}

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

const MAX_CONNECT_MS = 5_000;

const HEADERS = {
  accept: 'application/json',
  'accept-encoding': 'identity',
  'content-type': 'application/x-www-form-urlencoded',
  'user-agent': 'temporal-oauth-tokens',
};

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
  const { url, headers, body } = prepare(question, options.network);
  const { timeoutMs, network } = options;
  const dispatcher: Dispatcher = network.requestDispatcher({
    connectTimeoutMs: Math.min(timeoutMs, MAX_CONNECT_MS),
  });
  const exchange = await exchangeHttp(
    { url, method: 'POST', headers, body: body.reveal() },
    { dispatcher, timeoutMs },
  );
  return readAnswer(exchange);
}

function prepare({ endpoint, client, token, hint }: TokenQuestion, network: TokenQuestionNetwork) {
  if (!URL.canParse(endpoint) || endpoint.includes('#')) {
    throw new OAuthRequestError('endpoint_invalid', 'The endpoint is not a URL without fragment.');
  }
  const url = new URL(endpoint);
  network.assertUrlAllowed(url);
  const { authorization, parameters } = authenticateClient(client);
  // What an answer or an error may quote.
  registerSecret(token);
  if (client.clientSecret !== null) registerSecret(client.clientSecret);
  const form = new URLSearchParams({ token: token.reveal(), token_type_hint: hint });
  for (const [name, value] of parameters) form.append(name, value);
  const headers =
    authorization === null ? HEADERS : { ...HEADERS, authorization: authorization.reveal() };
  return { url, headers, body: new Secret(form.toString()) };
}

type TokenQuestionNetwork = Pick<Network, 'assertUrlAllowed'>;

async function readAnswer(
  exchange: HttpExchange,
): Promise<TokenQuestionAnswer | TokenQuestionFailure> {
  const { status, body, headers, end } = exchange;
  if (status === null) return failed(classifyNoAnswer(exchange), null);
  const decoded = await decodeBody(body, headers['content-encoding']);
  const answer: AnswerText = {
    text: decoded.text,
    complete: end === 'complete' && decoded.complete,
    delimited: true,
  };
  if (status >= 300) return failed(classifyRefusal(exchange, answer), status);
  const members = parseMembers(answer);
  // Some servers say an error with a 200.
  return members !== undefined && isErrorMember(members)
    ? failed(classifyEmptyAnswer(exchange, answer), status)
    : { kind: 'answered', httpStatus: status, answer };
}

function failed(
  seen: Pick<TokenQuestionFailure, 'code' | 'retryAfterMs'> & { certainty: string },
  httpStatus: number | null,
): TokenQuestionFailure {
  const { code, retryAfterMs, certainty } = seen;
  const final = certainty === 'rejected' && !CODES_THAT_PASS.has(code);
  return { kind: 'failed', code, final, retryAfterMs, httpStatus };
}
