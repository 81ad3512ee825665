import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The only address that the servers of the demo and the tests listen on. */
export const LOOPBACK = '127.0.0.1';

// Below the range that systems take the ports of outgoing connections from: otherwise a client that
// reconnects while its server restarts can take the server's port away, or connect to itself.
const FIRST_PORT = 20_000;
const END_PORT = 32_000;
const MAX_TRIES = 200;
/** How long a server that was just killed may need to let go of its port. */
const LET_GO_MS = 3_000;

/** Listens on a port to find out whether it is free, or null. */
function tryListen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, LOOPBACK, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/**
 * Finds ports that nobody listens on at 127.0.0.1, all different.
 * They are held together before any is let go, so that one answer never names a port twice.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  for (let tries = 0; held.size < count && tries < MAX_TRIES; tries += 1) {
    const port = randomInt(FIRST_PORT, END_PORT);
    const server = await tryListen(port);
    if (server !== null) held.set(port, server);
  }
  await Promise.all([...held.values()].map(close));
  if (held.size < count) throw new Error(`no free port between ${FIRST_PORT} and ${END_PORT}`);
  return [...held.keys()];
}

/** Finds one port that nobody listens on at 127.0.0.1. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error('no free port');
  return port;
}

/**
 * Waits until nobody listens on a port any more. A server that starts on a port where another one
 * still answers would seem to be ready.
 * @throws Error if somebody goes on listening on it
 */
export async function waitUntilFree(port: number): Promise<void> {
  const giveUpAt = Date.now() + LET_GO_MS;
  for (;;) {
    const server = await tryListen(port);
    if (server !== null) return close(server);
    if (Date.now() > giveUpAt) throw new Error(`port ${port} is in use`);
    await sleep(25);
  }
}
