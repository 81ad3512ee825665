import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  issue,
  type ReceivedTokenRequest,
  type ScriptedReply,
  type TokenAnswer,
  type TokenReply,
} from './scripted-replies.js';
import { TokenLedger } from './token-ledger.js';

const LOOPBACK = '127.0.0.1';
/** Without `expires_in`, for the ledger. */
const UNTOLD_LIFETIME_S = 3_600;

/** A running scripted authorization server. */
export interface ScriptedAuthorizationServer {
  /** `http://127.0.0.1:PORT`. */
  origin: string;
  tokenEndpoint: string;
  /** RFC 7009: what is posted to it is revoked. */
  revocationEndpoint: string;
  /** RFC 7662: says whether a token is active by the ledger. */
  introspectionEndpoint: string;
  /** Every token request, in order. */
  received: ReceivedTokenRequest[];
  /** The next replies, in order. */
  script: ScriptedReply[];
  /** Every revocation request, in order. */
  revocations: ReceivedTokenRequest[];
  /** The next replies to revocation requests, in order; a 200 revokes. Afterwards all are revoked. */
  revocationScript: ScriptedReply[];
  /** The next replies to introspection requests, in order. */
  introspectionScript: ScriptedReply[];
  /** The reply when the script is over. */
  otherwise: ScriptedReply;
  /** Tokens issued, presented and revoked. */
  ledger: TokenLedger;
  /** How many requests came of each grant type, in order of arrival. */
  grantTypes(): (string | undefined)[];
  /** Ends it and every open connection. */
  stop(): Promise<void>;
}

/**
 * Starts an authorization server on 127.0.0.1 that does what a test tells it to, for what no real
 * one does on demand. Without a script it issues 60-second tokens without refresh tokens. Plain http:
 * use it with network `loopback`.
 *
 * @example
 * ```ts
 * const server = await startScriptedAuthorizationServer();
 * server.script = [refuse('invalid_client', 401), issue('token-1', { expires_in: 5 }), 'reset'];
 * ```
 */
export async function startScriptedAuthorizationServer(): Promise<ScriptedAuthorizationServer> {
  const http = createServer();
  const origin = await listen(http);
  const scripted: ScriptedAuthorizationServer = {
    origin,
    tokenEndpoint: `${origin}/token`,
    revocationEndpoint: `${origin}/revoke`,
    introspectionEndpoint: `${origin}/introspect`,
    revocations: [],
    revocationScript: [],
    introspectionScript: [],
    received: [],
    script: [],
    otherwise: () => issue(`scripted-access-${scripted.received.length}`),
    ledger: new TokenLedger(),
    grantTypes: () => scripted.received.map(({ grantType }) => grantType),
    stop: () => close(http),
  };
  http.on('request', (request, response) => {
    answer(scripted, request, response).catch(() => response.destroy());
  });
  return scripted;
}

async function answer(
  scripted: ScriptedAuthorizationServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const parameters = Object.fromEntries(new URLSearchParams(await text(request)));
  const received = { at: Date.now(), grantType: parameters['grant_type'], parameters };
  const { reply, done } = await replyTo(scripted, request.url ?? '', { received, response });
  if (reply === undefined || reply === 'hang') return;
  if (reply === 'reset') return void request.socket.resetAndDestroy();
  if (reply.status < 300) done?.();
  await send(scripted.ledger, reply, response);
}

interface Arrived {
  received: ReceivedTokenRequest;
  response: ServerResponse;
}

/** The reply to a request, and what it does when it is a success. */
async function replyTo(
  scripted: ScriptedAuthorizationServer,
  path: string,
  { received, response }: Arrived,
): Promise<{ reply: TokenReply | undefined; done?: () => void }> {
  const made = (next: ScriptedReply) =>
    typeof next === 'function' ? next(received, response) : next;
  const { ledger } = scripted;
  const { token = '', refresh_token: presented } = received.parameters;
  if (path === '/revoke') {
    scripted.revocations.push(received);
    const next = scripted.revocationScript.shift() ?? { status: 200, body: '' };
    return { reply: await made(next), done: () => ledger.revoke(token) };
  }
  if (path === '/introspect') {
    const told = { status: 200, body: { active: ledger.isActive(token) } };
    return { reply: await made(scripted.introspectionScript.shift() ?? told) };
  }
  scripted.received.push(received);
  if (presented !== undefined) ledger.presented.push(presented);
  return { reply: await made(scripted.script.shift() ?? scripted.otherwise) };
}

async function send(
  ledger: TokenLedger,
  reply: TokenAnswer,
  response: ServerResponse,
): Promise<void> {
  const { status, headers = {}, body = '', cutAfterBytes, delayMs, byteEveryMs, doubled } = reply;
  const isText = typeof body === 'string';
  const bytes = Buffer.from(isText ? body : JSON.stringify(body));
  if (!isText) record(ledger, body);
  if (delayMs !== undefined) await sleep(delayMs);
  const head = {
    'content-type': isText ? 'text/html' : 'application/json',
    'content-length': bytes.length,
    ...headers,
  };
  if (doubled === true) {
    response.socket?.end(
      Buffer.concat([onTheWire(status, head, bytes), onTheWire(status, head, bytes)]),
    );
    return;
  }
  response.writeHead(status, head);
  if (cutAfterBytes !== undefined) {
    response.write(bytes.subarray(0, cutAfterBytes), () => response.destroy());
    return;
  }
  if (byteEveryMs !== undefined) await writeSlowly(bytes, byteEveryMs, response);
  else response.end(bytes);
}

async function writeSlowly(
  bytes: Buffer,
  byteEveryMs: number,
  response: ServerResponse,
): Promise<void> {
  for (const byte of bytes) {
    if (response.destroyed) return;
    response.write(Buffer.of(byte));
    await sleep(byteEveryMs);
  }
  response.end();
}

function onTheWire(status: number, head: Record<string, string | number>, bytes: Buffer): Buffer {
  const fields = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} \r\n${fields.join('')}\r\n`), bytes]);
}

/** Tokens count as issued when they are sent, whether or not they arrive. */
function record(ledger: TokenLedger, body: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  const members = new Map<string, unknown>(Object.entries(body));
  const token = (name: string): string | null => {
    const value = members.get(name);
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const lifetime = Number(members.get('expires_in') ?? UNTOLD_LIFETIME_S);
  ledger.issue(token('access_token'), token('refresh_token'), lifetime * 1_000);
}

async function listen(http: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(0, LOOPBACK, resolve);
  });
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  return `http://${LOOPBACK}:${address.port}`;
}

async function close(http: Server): Promise<void> {
  if (!http.listening) return;
  const closed = new Promise<void>((resolve) => http.close(() => resolve()));
  http.closeAllConnections();
  await closed;
}
