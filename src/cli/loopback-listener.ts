import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pageHtml, PAGE_HEADERS, type CallbackPage } from './callback-page.js';
import { CommandError } from './command-error.js';
import type { LoopbackAddress } from './loopback-address.js';

/** A server on this machine that a browser comes back to. */
export interface LoopbackListener {
  redirectUri: string;
  /** Ends it and every open connection. */
  close(): Promise<void>;
}

/**
 * Listens on this machine's loopback address alone. Only a request for the redirect URI itself is
 * given to `answer`; a browser also asks for icons, and other pages may try the port.
 *
 * @param answer - what the browser shows
 * @throws CommandError when the port cannot be had
 * @see https://www.rfc-editor.org/rfc/rfc8252.html#section-7.3
 */
export async function listenOnLoopback(
  address: LoopbackAddress,
  answer: (query: URLSearchParams) => Promise<CallbackPage>,
): Promise<LoopbackListener> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', () => {
      const message = `Port ${address.port} of this machine cannot be listened on; it may be in use.`;
      reject(
        new CommandError(message, { exitStatus: 1, type: 'Environment.invalid', final: true }),
      );
    });
    server.listen(address.port, address.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  const redirectUri = address.redirectUri(port);
  const expected = new URL(redirectUri);
  server.on('request', (request, response) => {
    respond(request, response, { expected, answer }).catch(() => response.destroy());
  });
  return {
    redirectUri,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Expected {
  expected: URL;
  answer: (query: URLSearchParams) => Promise<CallbackPage>;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { expected, answer }: Expected,
): Promise<void> {
  const { method, headers, url = '' } = request;
  const asked = URL.canParse(url, expected.href) ? new URL(url, expected) : null;
  // Another name for this machine is a page elsewhere that tries the port (DNS rebinding).
  const isForUs = headers.host === expected.host && asked?.pathname === expected.pathname;
  const page =
    method === 'GET' && isForUs ? await answer(asked.searchParams) : { ...NOT_HERE, status: 404 };
  response.writeHead(page.status, PAGE_HEADERS);
  await new Promise<void>((resolve) => response.end(pageHtml(page), resolve));
}

const NOT_HERE = { title: 'Nothing here', text: 'This window can be closed.' };
