import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';

let echo: Server;
let proxy: TcpProxy;
let sockets: Socket[];

beforeEach(async () => {
  sockets = [];
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await startTcpProxy(`127.0.0.1:${(echo.address() as AddressInfo).port}`);
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await proxy.stop();
  echo.close();
});

/** A client's view of one connection. */
class Connection {
  readonly socket: Socket;
  received = '';
  /** How it ended: `end`, or the code of an error. */
  ended: string | null = null;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' });
    sockets.push(this.socket);
    this.socket.setEncoding('utf8').on('data', (text: string) => (this.received += text));
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.ended ??= error.code ?? '?'));
    this.socket.on('end', () => (this.ended ??= 'end'));
  }

  async shows(text: string): Promise<void> {
    await expect.poll(() => this.received, { timeout: 5_000, interval: 5 }).toBe(text);
  }

  async endsWith(how: string): Promise<void> {
    await expect.poll(() => this.ended, { timeout: 5_000, interval: 5 }).toBe(how);
  }
}

function open(text?: string): Connection {
  const connection = new Connection(proxy.port);
  if (text !== undefined) connection.socket.write(text);
  return connection;
}

/** A connection that has been used and lives. */
async function openAndUse(): Promise<Connection> {
  const connection = open('hello');
  await connection.shows('hello');
  return connection;
}

describe('a proxy', () => {
  it('passes both directions, megabytes in their order, and the end of each', async () => {
    const connection = open();
    const text = Array.from({ length: 400_000 }, (_, index) => `${index} `).join('');
    connection.socket.end(text);
    await connection.endsWith('end');
    expect(connection.received).toBe(text);
    await expect.poll(() => proxy.live()).toBe(0);
    expect(proxy.accepted()).toBe(1);
  });

  it('delays each way, and what waits arrives at once when that is over', async () => {
    const connection = await openAndUse();
    await proxy.set({ do: 'delay', ms: 100 });
    const startedAt = performance.now();
    connection.socket.write(' again');
    await connection.shows('hello again');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(195);

    await proxy.set({ do: 'delay', ms: 60_000 });
    connection.socket.write(' and again');
    await sleep(50);
    await proxy.set({ do: 'pass' });
    await connection.shows('hello again and again');
  });

  it.each([
    ['to_server', 'hello12'],
    ['to_client', 'hello12'],
  ] as const)('cuts after two bytes %s, of a connection that lives', async (direction, shown) => {
    const connection = await openAndUse();
    await proxy.set({ do: 'cut', direction, afterBytes: 2 });
    connection.socket.write('12345');
    if (direction === 'to_client') await connection.shows(shown);
    await expect.poll(() => connection.ended, { timeout: 5_000 }).not.toBeNull();
    expect(shown.startsWith(connection.received)).toBe(true);
    await expect.poll(() => proxy.live()).toBe(0);
  });

  it('cuts before the first byte of an answer, after the request has arrived', async () => {
    const arrived = new Promise<string>((resolve) =>
      echo.once('connection', (socket: Socket) =>
        socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
      ),
    );
    await proxy.set({ do: 'cut', direction: 'to_client', afterBytes: 0 });
    const connection = open('request');
    expect(await arrived).toBe('request');
    await connection.endsWith('end');
    expect(connection.received).toBe('');
  });

  it('resets connections that live and each new one', async () => {
    const connection = await openAndUse();
    await proxy.set({ do: 'reset' });
    await connection.endsWith('ECONNRESET');
    await open('new').endsWith('ECONNRESET');
    await proxy.set({ do: 'pass' });
    await openAndUse();
  });

  it('resets those that live once, and passes new ones', async () => {
    const connection = await openAndUse();
    proxy.resetAll();
    await connection.endsWith('ECONNRESET');
    await openAndUse();
  });

  it('refuses, and listens at the same port again afterwards', async () => {
    const connection = await openAndUse();
    await proxy.set({ do: 'refuse' });
    await connection.endsWith('ECONNRESET');
    await open('new').endsWith('ECONNREFUSED');
    await proxy.set({ do: 'pass' });
    await openAndUse();
  });

  it('accepts and says nothing, and lets everything through afterwards', async () => {
    const connection = await openAndUse();
    await proxy.set({ do: 'stall' });
    connection.socket.write(' 1');
    const other = open('other');
    await once(other.socket, 'connect');
    connection.socket.write(' 2');
    await sleep(100);
    expect([connection.received, other.received]).toEqual(['hello', '']);
    expect([connection.ended, other.ended]).toEqual([null, null]);
    await proxy.set({ do: 'pass' });
    await connection.shows('hello 1 2');
    await other.shows('other');
  });

  it('holds the answers only, when it is told so', async () => {
    const connection = await openAndUse();
    const arrived = new Promise<string>((resolve) =>
      echo.once('connection', (socket: Socket) =>
        socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
      ),
    );
    await proxy.set({ do: 'stall', direction: 'to_client' });
    const other = open('request');
    expect(await arrived).toBe('request');
    await sleep(50);
    expect([connection.received, other.received]).toEqual(['hello', '']);
    await proxy.set({ do: 'pass' });
    await other.shows('request');
  });

  it('passes byte by byte', async () => {
    const seen: string[] = [];
    await proxy.set({ do: 'trickle', everyMs: 20 });
    const connection = open('abcde');
    connection.socket.on('data', (text) => seen.push(text.toString()));
    await connection.shows('abcde');
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('resets its client when nobody listens behind it', async () => {
    await new Promise((resolve) => echo.close(resolve));
    await open('new').endsWith('ECONNRESET');
  });

  it('ends every connection when it is stopped, and may be stopped again', async () => {
    const connection = await openAndUse();
    await proxy.stop();
    await connection.endsWith('ECONNRESET');
    await proxy.stop();
    expect(proxy.live()).toBe(0);
  });
});
