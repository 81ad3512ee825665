/** A network that fails on command: stands between a client and a server and passes bytes on. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort, LOOPBACK } from '../../../dev/servers/ports.js';
import { ByteRelay, type RelayMode } from './byte-relay.js';

/** What the proxy does, to connections that live and to new ones. */
export type ProxyMode =
  | RelayMode
  /** Connections are reset (RST): those that live now, and each new one. */
  | { do: 'reset' }
  /** Nobody listens; connections that live are reset. */
  | { do: 'refuse' };

/** A running proxy. */
export interface TcpProxy {
  port: number;
  /** `127.0.0.1:PORT`. */
  address: string;
  /** Switches; what was held back flows on in its order when that is over. */
  set(mode: ProxyMode): Promise<void>;
  /** Resets the connections that live now, once; new ones are passed as before. */
  resetAll(): void;
  /** How many connections live. */
  live(): number;
  /** How many connections were accepted so far. */
  accepted(): number;
  /** Ends it and every connection. Safe to call again. */
  stop(): Promise<void>;
}

/** Starts a proxy on 127.0.0.1 before `host:port`; it passes everything on until it is told else. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const [host = '', targetPort = ''] = target.split(':');
  const port = await freePort();
  const pairs = new Set<Pair>();
  let mode: ProxyMode = { do: 'pass' };
  let accepted = 0;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    accepted += 1;
    if (mode.do === 'reset' || mode.do === 'refuse') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host, port: Number(targetPort), allowHalfOpen: true });
    const pair = new Pair(client, upstream, mode);
    pairs.add(pair);
    void pair.ended.then(() => pairs.delete(pair));
  });
  await listen(server, port);

  const resetAll = (): void => {
    for (const pair of pairs) pair.reset();
  };
  return {
    port,
    address: `${LOOPBACK}:${port}`,
    async set(next) {
      mode = next;
      if (next.do === 'reset' || next.do === 'refuse') resetAll();
      else for (const pair of pairs) pair.set(next);
      if (next.do === 'refuse') await close(server);
      else if (!server.listening) await listen(server, port);
    },
    resetAll,
    live: () => pairs.size,
    accepted: () => accepted,
    async stop() {
      mode = { do: 'refuse' };
      resetAll();
      await close(server);
    },
  };
}

/** One connection through the proxy: a client's and the server's, and both ways between them. */
class Pair {
  readonly ended: Promise<unknown>;
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #relays: ByteRelay[];

  constructor(client: Socket, upstream: Socket, mode: RelayMode) {
    this.#client = client;
    this.#upstream = upstream;
    const cut = (): void => this.#end();
    this.#relays = [
      new ByteRelay({ from: client, to: upstream, direction: 'to_server', mode, cut }),
      new ByteRelay({ from: upstream, to: client, direction: 'to_client', mode, cut }),
    ];
    // What breaks on one side is broken on the other.
    for (const socket of [client, upstream]) socket.on('error', () => this.reset());
    upstream.setNoDelay(true);
    this.ended = Promise.all([closed(client), closed(upstream)]);
    void Promise.race([closed(client), closed(upstream)]).then(() => this.#end());
  }

  set(mode: RelayMode): void {
    for (const relay of this.#relays) relay.set(mode);
  }

  reset(): void {
    for (const socket of [this.#client, this.#upstream]) {
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  #end(): void {
    for (const socket of [this.#client, this.#upstream]) socket.destroy();
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, LOOPBACK);
  await once(server, 'listening');
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
