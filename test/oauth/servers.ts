import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  connect,
  createServer as createRawServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { afterEach } from 'vitest';
import { selfSigned } from './self-signed.js';

/** A request that a test server got. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A server of a test, closed after it. */
export interface TestServer {
  readonly origin: string;
  readonly port: number;
  readonly received: Received[];
  /** Connections that were opened to it. */
  readonly connections: () => number;
}

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Answer = (request: Received, response: ServerResponse) => void;

/** Starts an HTTP server on loopback that answers each whole request with `answer`. */
export async function startServer(answer: Answer): Promise<TestServer> {
  const received: Received[] = [];
  const server = createServer((request, response) => collect(request, response, received, answer));
  return listen(server, received, 'http://127.0.0.1');
}

/** Starts an HTTPS server whose certificate nobody trusts. */
export async function startTlsServer(
  answer: Answer,
  credentials = selfSigned('localhost', 'auth.example'),
): Promise<TestServer & { cert: string }> {
  const received: Received[] = [];
  const server = createTlsServer(credentials, (request, response) =>
    collect(request, response, received, answer),
  );
  const started = await listen(server, received, 'https://localhost');
  return { ...started, cert: credentials.cert };
}

/** Starts a TCP server; `onRequest` gets the socket once the blank line and a body have come. */
export async function startRawServer(onRequest: (socket: Socket) => void): Promise<TestServer> {
  const received: Received[] = [];
  const server = createRawServer((socket) => {
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      const end = text.indexOf('\r\n\r\n');
      if (end === -1 || text.length < end + 4 + length) return;
      received.push({ method: 'POST', url: '', headers: {}, body: text.slice(end + 4) });
      text = '';
      onRequest(socket);
    });
  });
  return listen(server, received, 'http://127.0.0.1');
}

/** Starts a proxy that notes each tunnel it is asked for and connects it to `port`, or ends it. */
export async function startProxy(port: number | 'close' | 'refuse'): Promise<TestServer> {
  const received: Received[] = [];
  const server = createServer();
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    const { method = '', url = '', headers } = request;
    received.push({ method, url, headers, body: '' });
    socket.on('error', () => undefined);
    if (port === 'close') return socket.destroy();
    if (port === 'refuse') return socket.end('HTTP/1.1 407 No\r\n\r\n');
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    return upstream.on('error', () => socket.destroy());
  });
  return listen(server, received, 'http://127.0.0.1');
}

/** A port on loopback at which nobody listens. */
export async function unusedPort(): Promise<number> {
  const server = createRawServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function collect(
  request: IncomingMessage,
  response: ServerResponse,
  received: Received[],
  answer: Answer,
): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method = '', url = '', headers } = request;
    const entry = { method, url, headers, body: Buffer.concat(chunks).toString() };
    received.push(entry);
    answer(entry, response);
  });
}

async function listen(server: Server, received: Received[], base: string): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `${base}:${port}`, port, received, connections: () => connections };
}
