import { ApplicationFailure } from '@temporalio/common';
import type { CallApiInput, CallApiResult } from '../contract/messages.js';
import { failure, toFailure } from '../failures.js';
import { checkApiCall, type CheckedApiCall } from './api-request.js';
import { apiResult, readLimited } from './api-response.js';
import { tokenSentFor, wasRefused } from './authorized-fetch.js';
import type { ApiRules } from './api-rules.js';
import { assertUrlAllowed } from './source-parts.js';
import type { TokenSource } from './token-source.js';

/** Codes of a connection that was never made: no byte of the request left. */
const NOT_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|proxy_unreachable)/;

/** What an activity adds to a call. */
export interface ApiCallHooks {
  /** Ends the wait for a token; a request that was sent goes on. */
  signal?: AbortSignal | undefined;
  /** Called when everything is ready and nothing is sent; may throw instead. */
  beforeSend?: ((repeatable: boolean) => void) | undefined;
}

/**
 * Makes one HTTP request with a connection's token (contract §5). Every status is a value.
 *
 * @param tokens - where the token comes from
 * @param rules - the connection's rules
 * @throws ApplicationFailure `Connection.invalid`, `Policy.*`, `Api.*`, and what getting a token throws
 */
export async function executeApiCall(
  tokens: TokenSource,
  rules: ApiRules,
  input: CallApiInput,
  { signal: waitSignal, beforeSend }: ApiCallHooks = {},
): Promise<CallApiResult> {
  const call = checkApiCall(input);
  const { connectionId } = call;
  if (!rules.allowedOrigins.has(call.url.origin)) {
    const detail = `The origin is ${call.url.origin}.`;
    throw failure('Policy.origin_not_allowed', { connectionId, detail });
  }
  try {
    assertUrlAllowed(tokens, call.url);
  } catch (error) {
    throw toFailure(error, { connectionId });
  }
  // The token first, so that the time limit is the request's alone.
  await tokens.getAccessToken(connectionId, { signal: waitSignal });
  beforeSend?.(call.repeatable);
  const signal = AbortSignal.timeout(call.timeoutMs);
  try {
    const response = await tokens.fetch(connectionId, call.url, {
      method: call.method,
      headers: call.headers,
      signal,
      ...(call.body === undefined ? {} : { body: call.body }),
    });
    const bytes = await readLimited(response, connectionId);
    return apiResult({ response, bytes, rules, connectionId, sent: tokenSentFor(response) });
  } catch (error) {
    throw unanswered(error, call, signal);
  }
}

/** What a request without an answer becomes, by whether it may have been carried out. */
function unanswered(error: unknown, call: CheckedApiCall, signal: AbortSignal): unknown {
  const { connectionId } = call;
  const timedOut = signal.aborted;
  if (timedOut && wasRefused(signal)) return failure('Token.refresh_in_progress', { connectionId });
  const unreachable = error instanceof ApplicationFailure && error.type === 'Api.unreachable';
  const broken = error instanceof TypeError;
  if (!timedOut && !unreachable && !broken) return error;
  const sent = timedOut || broken || !NOT_SENT.test(codeOf(error));
  if (sent && !call.repeatable) return failure('Api.outcome_unknown', { connectionId });
  const detail = timedOut ? `No answer within ${call.timeoutMs} ms.` : '';
  return unreachable ? error : failure('Api.unreachable', { connectionId, detail });
}

function codeOf(error: unknown): string {
  const [details] = error instanceof ApplicationFailure ? (error.details ?? []) : [];
  const code = (details as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
