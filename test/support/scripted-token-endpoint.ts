/** A token endpoint that does what a test tells it to, for what no real one does on demand. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listenOnLoopback } from '../../dev/system/loopback-server.js';

/** A request as it arrived. */
export interface ReceivedTokenRequest {
  /** Milliseconds since the epoch. */
  at: number;
  grantType: string | undefined;
  parameters: Record<string, string>;
}

/** An answer; or the connection is reset, or nothing is ever said. */
export type TokenReply =
  { status: number; headers?: Record<string, string>; body?: unknown } | 'reset' | 'hang';

/** A reply, or what makes it when the request is there. */
export type ScriptedReply =
  TokenReply | ((request: ReceivedTokenRequest) => TokenReply | Promise<TokenReply>);

/** A running scripted token endpoint. */
export interface ScriptedTokenEndpoint {
  tokenEndpoint: string;
  /** Every request, in order. */
  received: ReceivedTokenRequest[];
  /** The next replies, in order. */
  script: ScriptedReply[];
  /** The reply when the script is over. */
  otherwise: ScriptedReply;
  /** How many requests came of each grant type, in order of arrival. */
  grantTypes(): (string | undefined)[];
  stop(): Promise<void>;
}

/** An answer with tokens (RFC 6749 §5.1). */
export function issue(accessToken: string, members: Record<string, unknown> = {}): TokenReply {
  const body = { access_token: accessToken, token_type: 'Bearer', expires_in: 60, ...members };
  return { status: 200, body };
}

/** An error answer (RFC 6749 §5.2). */
export function refuse(error: string, status = 400): TokenReply {
  return { status, body: { error } };
}

/** Starts one on 127.0.0.1. Without a script it issues 60-second tokens without refresh tokens. */
export async function startScriptedTokenEndpoint(): Promise<ScriptedTokenEndpoint> {
  const server = await listenOnLoopback();
  const endpoint: ScriptedTokenEndpoint = {
    tokenEndpoint: `${server.origin}/token`,
    received: [],
    script: [],
    otherwise: () => issue(`scripted-access-${endpoint.received.length}`),
    grantTypes: () => endpoint.received.map(({ grantType }) => grantType),
    stop: server.stop,
  };
  server.answerWith((request, response) => void answer(endpoint, request, response));
  return endpoint;
}

async function answer(
  endpoint: ScriptedTokenEndpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const parameters = Object.fromEntries(new URLSearchParams(await text(request)));
  const received = { at: Date.now(), grantType: parameters['grant_type'], parameters };
  endpoint.received.push(received);
  const scripted = endpoint.script.shift() ?? endpoint.otherwise;
  const reply = typeof scripted === 'function' ? await scripted(received) : scripted;
  if (reply === 'hang') return;
  if (reply === 'reset') {
    request.socket.resetAndDestroy();
    return;
  }
  const { status, headers = {}, body = '' } = reply;
  const isText = typeof body === 'string';
  response.writeHead(status, {
    'content-type': isText ? 'text/html' : 'application/json',
    ...headers,
  });
  response.end(isText ? body : JSON.stringify(body));
}
