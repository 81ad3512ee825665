import { connect, createServer, type Socket } from 'node:net';

/** A way to a server that can be cut. */
export interface BreakableLink {
  port: number;
  /** Ends every connection, and refuses new ones until it is mended. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1 and passes everything on to a port there. */
export async function startLink(to: number): Promise<BreakableLink> {
  const sockets = new Set<Socket>();
  let broken = false;
  const server = createServer((near) => {
    if (broken) {
      near.destroy();
      return;
    }
    const far = connect(to, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  const end = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    port: address.port,
    cut() {
      broken = true;
      end();
    },
    mend() {
      broken = false;
    },
    close: () => {
      end();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
