import { registerSecret } from '../known-secrets.js';
import type { Network } from '../network.js';
import { Secret } from '../secret.js';
import { isErrorMember } from './capture.js';
import { classifyEmptyAnswer, classifyNoAnswer, classifyRefusal } from './classify.js';
import { authenticateClient, type TokenClient } from './client-authentication.js';
import { OAuthRequestError } from './errors.js';
import { exchangeHttp, type HttpExchange } from './http-exchange.js';
import { parseMembers, type AnswerText, type Members } from './members.js';
import { decodeBody } from './response-body.js';
import type { TokenRequestFailure } from './token-result.js';

/** A form that a client posts to an endpoint of its authorization server beside the token endpoint. */
export interface EndpointRequest {
  /** Absolute URL, pinned in the connection's record. */
  readonly endpoint: string;
  readonly client: TokenClient;
  /** The form without the client's authentication; a parameter without a value is left out. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/** How it is sent. */
export interface EndpointRequestOptions {
  /** Hard limit from connecting to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly network: Pick<Network, 'assertUrlAllowed' | 'requestDispatcher'>;
}

/** What is known of a request that brought nothing. */
export interface FailedEndpointRequest {
  readonly kind: 'failed';
  readonly failure: TokenRequestFailure;
}

/** An answer with a status of 200 to 299 that is no error. */
export interface EndpointAnswer {
  readonly kind: 'answered';
  readonly httpStatus: number;
  readonly answer: AnswerText;
  readonly elapsedMs: number;
}

/** The members of such an answer. */
export interface EndpointMembers {
  readonly kind: 'answered';
  readonly members: Members;
  readonly elapsedMs: number;
}

const MAX_CONNECT_MS = 5_000;

const HEADERS = {
  accept: 'application/json',
  'accept-encoding': 'identity',
  'content-type': 'application/x-www-form-urlencoded',
  'user-agent': 'temporal-oauth-tokens',
};

/**
 * Posts a form once, authenticated like a token request, over a fresh connection and without
 * following redirects.
 *
 * @throws OAuthRequestError when the request cannot be built.
 * @throws NetworkPolicyError when the network setting does not allow the endpoint.
 */
export async function postToEndpoint(
  request: EndpointRequest,
  { timeoutMs, network }: EndpointRequestOptions,
): Promise<EndpointAnswer | FailedEndpointRequest> {
  const { url, headers, body } = prepareForm(request, network);
  const dispatcher = network.requestDispatcher({
    connectTimeoutMs: Math.min(timeoutMs, MAX_CONNECT_MS),
  });
  const exchange = await exchangeHttp(
    { url, method: 'POST', headers, body: body.reveal() },
    { dispatcher, timeoutMs },
  );
  return readAnswer(exchange);
}

function prepareForm(
  { endpoint, client, parameters }: EndpointRequest,
  network: Pick<Network, 'assertUrlAllowed'>,
): { url: URL; headers: Record<string, string>; body: Secret } {
  if (!URL.canParse(endpoint) || endpoint.includes('#')) {
    throw new OAuthRequestError('endpoint_invalid', 'The endpoint is not a URL without fragment.');
  }
  const url = new URL(endpoint);
  network.assertUrlAllowed(url);
  const { authorization, parameters: credentials } = authenticateClient(client);
  if (client.clientSecret !== null) registerSecret(client.clientSecret);
  const form = new URLSearchParams();
  for (const [name, value] of [...parameters, ...credentials]) {
    if (value !== '') form.set(name, value);
  }
  const headers =
    authorization === null ? HEADERS : { ...HEADERS, authorization: authorization.reveal() };
  return { url, headers, body: new Secret(form.toString()) };
}

async function readAnswer(exchange: HttpExchange): Promise<EndpointAnswer | FailedEndpointRequest> {
  const { status, body, headers, end, elapsedMs } = exchange;
  if (status === null) return { kind: 'failed', failure: classifyNoAnswer(exchange) };
  const { text, complete } = await decodeBody(body, headers['content-encoding']);
  const answer = { text, complete: end === 'complete' && complete, delimited: true };
  if (status >= 300) return { kind: 'failed', failure: classifyRefusal(exchange, answer) };
  const members = parseMembers(answer);
  // Some servers say an error with a 200.
  return members !== undefined && isErrorMember(members)
    ? { kind: 'failed', failure: classifyEmptyAnswer(exchange, answer) }
    : { kind: 'answered', httpStatus: status, answer, elapsedMs };
}

/** The same, where the answer has to have members. */
export async function postForMembers(
  request: EndpointRequest,
  options: EndpointRequestOptions,
): Promise<EndpointMembers | FailedEndpointRequest> {
  const result = await postToEndpoint(request, options);
  if (result.kind === 'failed') return result;
  const { answer, elapsedMs } = result;
  const members = parseMembers(answer);
  return members === undefined
    ? malformedAnswer(elapsedMs)
    : { kind: 'answered', members, elapsedMs };
}

/** What is known of a request whose answer came and cannot be used. */
export function malformedAnswer(elapsedMs: number): FailedEndpointRequest {
  return {
    kind: 'failed',
    failure: {
      certainty: 'unknown',
      mayStillRun: false,
      code: 'malformed_response',
      httpStatus: 200,
      retryAfterMs: null,
      elapsedMs,
    },
  };
}
