import { createServer, type RequestListener, type Server } from 'node:http';
import { onExit } from '../servers/lifetime.js';
import { freePort, LOOPBACK } from '../servers/ports.js';

/** An HTTP server of ours on 127.0.0.1. */
export interface LoopbackServer {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  origin: string;
  port: number;
  /** Says what answers requests; until then they wait. */
  answerWith(listener: RequestListener): void;
  /** Ends it and every open connection. Safe to call again. */
  stop: () => Promise<void>;
}

/**
 * Listens on 127.0.0.1, on a free port unless asked for. It listens before it answers, because the
 * authorization server has to know its own address first.
 */
export async function listenOnLoopback(wanted?: number): Promise<LoopbackServer> {
  const server = createServer();
  const port = await listen(server, wanted);
  let stopping: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    forget();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  const stop = (): Promise<void> => (stopping ??= close());
  const forget = onExit(stop);
  return {
    origin: `http://${LOOPBACK}:${port}`,
    port,
    answerWith: (listener) => void server.on('request', listener),
    stop,
  };
}

const TRIES = 5;

/** Between finding a free port and taking it another process may take it: then another one. */
async function listen(server: Server, wanted: number | undefined): Promise<number> {
  for (let left = TRIES; ; left -= 1) {
    const port = wanted ?? (await freePort());
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, LOOPBACK, resolve);
      });
      return port;
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || wanted !== undefined || left === 1) throw error;
    }
  }
}
