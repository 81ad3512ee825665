import type { IncomingHttpHeaders } from 'node:http';
import { networkPolicyErrorOf } from '../network.js';
import { isEarlyErrorCode, isOAuthErrorCode, isTemporaryErrorCode } from './error-codes.js';
import type { HttpExchange } from './http-exchange.js';
import { parseMembers, type AnswerText } from './members.js';
import { parseRetryAfter } from './retry-after.js';
import type {
  RequestCertainty,
  TokenRequestFailure,
  TokenRequestFailureCode,
} from './token-result.js';

type Verdict = [code: TokenRequestFailureCode, certainty: RequestCertainty];

/** Says what an exchange without a status line came to: how far the request got decides. */
export function classifyNoAnswer(exchange: HttpExchange): TokenRequestFailure {
  const [code, certainty] = verdictOfNoAnswer(exchange);
  return failureOf(exchange, code, certainty);
}

/**
 * Says what an answer that is no success came to. Whatever the server wrote is reduced to a code
 * that an RFC knows.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-5.2
 */
export function classifyRefusal(exchange: HttpExchange, answer: AnswerText): TokenRequestFailure {
  const [code, certainty] = verdictOfStatus(exchange, answer);
  return failureOf(exchange, code, certainty);
}

/** Says what a 2xx answer without anything to keep came to: an error in it, or an unknown outcome. */
export function classifyEmptyAnswer(
  exchange: HttpExchange,
  answer: AnswerText,
): TokenRequestFailure {
  const error = errorMemberOf(answer);
  if (error !== undefined) return failureOf(exchange, ...verdictOfError(error));
  const code = exchange.end === 'timeout' ? 'unreachable' : 'malformed_response';
  return failureOf(exchange, code, 'unknown');
}

function verdictOfNoAnswer(exchange: HttpExchange): Verdict {
  if (networkPolicyErrorOf(exchange.error) !== undefined && !exchange.sent) {
    return ['network_not_allowed', 'not_sent'];
  }
  if (!exchange.sent) return ['unreachable', 'not_sent'];
  return [isNotHttp(exchange.error) ? 'malformed_response' : 'unreachable', 'unknown'];
}

function verdictOfStatus(exchange: HttpExchange, answer: AnswerText): Verdict {
  const status = exchange.status ?? 0;
  if (status === 429) return ['rate_limited', 'rejected_for_now'];
  // 425 Too Early: not processed (RFC 8470 §5.2).
  if (status === 425) return ['server_error', 'rejected_for_now'];
  if (status === 503 && retryAfterOf(exchange) !== null) {
    return ['server_error', 'rejected_for_now'];
  }
  if (status === 408 || status >= 500) return ['server_error', 'unknown'];
  if (status < 400) return ['other', 'rejected'];
  const error = errorMemberOf(answer) ?? challengeErrorOf(exchange.headers);
  // Cut before its code could be read: refused, and the next answer will say why.
  if (error === undefined && !answer.complete) return ['malformed_response', 'rejected'];
  return verdictOfError(error);
}

function verdictOfError(error: unknown): Verdict {
  if (typeof error !== 'string') return ['other', 'rejected'];
  if (isTemporaryErrorCode(error)) return ['server_error', 'rejected_for_now'];
  if (!isOAuthErrorCode(error)) return ['other', 'rejected'];
  return [error, isEarlyErrorCode(error) ? 'rejected_for_now' : 'rejected'];
}

function failureOf(
  exchange: HttpExchange,
  code: TokenRequestFailureCode,
  certainty: RequestCertainty,
): TokenRequestFailure {
  const timedOut = exchange.end === 'timeout' || exchange.status === 504;
  return {
    certainty,
    mayStillRun: timedOut && certainty === 'unknown',
    code,
    httpStatus: exchange.status,
    retryAfterMs: retryAfterOf(exchange),
    elapsedMs: exchange.elapsedMs,
  };
}

function retryAfterOf({ headers }: HttpExchange): number | null {
  const { date } = headers;
  return parseRetryAfter({ retryAfter: headers['retry-after'], date, nowMs: Date.now() });
}

/** The `error` member; undefined: there is none. */
function errorMemberOf(answer: AnswerText): unknown {
  const error = parseMembers(answer)?.get('error');
  return error === null || error === '' || error === false ? undefined : error;
}

/** The `error` of a `WWW-Authenticate` challenge, for answers that say it there only (RFC 6750 §3). */
function challengeErrorOf(headers: IncomingHttpHeaders): string | undefined {
  return /\berror\s*=\s*"([\x20-\x7e]{1,64})"/.exec(String(headers['www-authenticate'] ?? ''))?.[1];
}

function isNotHttp(error: unknown): boolean {
  const name = error instanceof Error ? error.name : '';
  return name === 'HTTPParserError' || name === 'HeadersOverflowError';
}
