import { createServer, type RequestListener } from 'node:http';
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
  const port = wanted ?? (await freePort());
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, resolve);
  });
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
