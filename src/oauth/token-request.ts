import type { IncomingHttpHeaders } from 'node:http';
import type { Network } from '../network.js';
import { captureResponse } from './capture.js';
import { classifyEmptyAnswer, classifyNoAnswer, classifyRefusal } from './classify.js';
import { exchangeHttp, type HttpExchange } from './http-exchange.js';
import type { AnswerText } from './members.js';
import type { PreparedTokenRequest } from './prepare.js';
import { decodeBody } from './response-body.js';
import type { TokenRequestFailure, TokenRequestResult } from './token-result.js';

/** How a token request is sent. */
export interface SendTokenRequestOptions {
  /** Hard limit from connecting to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly network: Pick<Network, 'requestDispatcher'>;
}

/** Connecting may take this long at most; it is a failure that costs nothing. */
const MAX_CONNECT_MS = 5_000;

/**
 * Sends a token request once, over a fresh connection, without following redirects, and reads the
 * answer. Never throws and is never aborted from outside: whoever has sent a refresh token has to
 * learn what became of it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-5
 */
export async function sendTokenRequest(
  prepared: PreparedTokenRequest,
  options: SendTokenRequestOptions,
): Promise<TokenRequestResult> {
  const startedAt = performance.now();
  let exchange: HttpExchange;
  try {
    exchange = await exchangeToken(prepared, options);
  } catch {
    return failed(notSent(performance.now() - startedAt));
  }
  try {
    return await readExchange(exchange);
  } catch {
    return failed({ ...classifyNoAnswer(exchange), httpStatus: exchange.status });
  }
}

async function exchangeToken(
  prepared: PreparedTokenRequest,
  { timeoutMs, network }: SendTokenRequestOptions,
): Promise<HttpExchange> {
  const { tokenEndpoint, headers, authorization, body } = prepared;
  const dispatcher = network.requestDispatcher({
    connectTimeoutMs: Math.min(timeoutMs, MAX_CONNECT_MS),
  });
  return exchangeHttp(
    {
      url: tokenEndpoint,
      method: 'POST',
      headers:
        authorization === null ? headers : { ...headers, authorization: authorization.reveal() },
      body: body.reveal(),
    },
    { dispatcher, timeoutMs },
  );
}

async function readExchange(exchange: HttpExchange): Promise<TokenRequestResult> {
  const { status, elapsedMs } = exchange;
  if (status === null) return failed(classifyNoAnswer(exchange));
  const answer = await answerTextOf(exchange);
  if (status >= 300) return failed(classifyRefusal(exchange, answer));
  const response = captureResponse({ ...answer, httpStatus: status, elapsedMs });
  return response === undefined
    ? failed(classifyEmptyAnswer(exchange, answer))
    : { kind: 'captured', response };
}

async function answerTextOf({ body, headers, end }: HttpExchange): Promise<AnswerText> {
  const decoded = await decodeBody(body, headers['content-encoding']);
  return {
    text: decoded.text,
    complete: end === 'complete' && decoded.complete,
    delimited: isDelimited(headers),
  };
}

/** Whether the end of a body can be told from a connection that broke (RFC 9112 §6.3). */
function isDelimited(headers: IncomingHttpHeaders): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

function failed(failure: TokenRequestFailure): TokenRequestResult {
  return { kind: 'failed', failure };
}

function notSent(elapsedMs: number): TokenRequestFailure {
  return {
    certainty: 'not_sent',
    mayStillRun: false,
    code: 'unreachable',
    httpStatus: null,
    retryAfterMs: null,
    elapsedMs,
  };
}
