import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Secret } from '../secret.js';
import { browserOf, cookieOf } from './browser-cookie.js';
import { pageHtml, PAGE_HEADERS, type CallbackPage } from './callback-page.js';
import { CommandError } from './command-error.js';
import type { LoopbackAddress } from './loopback-address.js';

/** A server on this machine that a browser starts at and comes back to. */
export interface LoopbackListener {
  redirectUri: string;
  /** What the person's browser opens; it works once. */
  startUrl: string;
  /** Ends it and every open connection, once the answers under way are given. */
  close(): Promise<void>;
}

/** Where a browser is sent, and what it is known by when it comes back. */
export interface BrowserStart {
  link: Secret;
  browser: Secret;
}

/** What a {@link LoopbackListener} asks. */
export interface LoopbackAnswers {
  /** The first browser has come to the start address. */
  start(redirectUri: string): Promise<BrowserStart | CallbackPage>;
  /**
   * A browser has come to the redirect URI.
   *
   * @param browser - what its cookie says; null: it has none
   */
  callback(query: URLSearchParams, browser: Secret | null): Promise<CallbackPage>;
}

/**
 * Listens on this machine's loopback address alone. Only requests for the start address and the
 * redirect URI are answered; a browser also asks for icons, and other pages may try the port.
 *
 * @throws CommandError when the port cannot be had
 * @see https://www.rfc-editor.org/rfc/rfc8252.html#section-7.3
 */
export async function listenOnLoopback(
  address: LoopbackAddress,
  answers: LoopbackAnswers,
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
  const room = new LoopbackRoom(address.redirectUri(port), answers);
  const underWay = new Set<Promise<void>>();
  server.on('request', (request, response) => {
    const responded = respond(room, request, response)
      .catch(() => void response.destroy())
      .finally(() => underWay.delete(responded));
    underWay.add(responded);
  });
  return {
    redirectUri: room.redirectUri,
    startUrl: room.startUrl.href,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all(underWay);
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Reply {
  page: CallbackPage;
  headers: Record<string, string>;
}

/** The two addresses, and what is said there. */
class LoopbackRoom {
  /** To the letter. */
  readonly redirectUri: string;
  readonly #expected: URL;
  readonly startUrl: URL;
  readonly #answers: LoopbackAnswers;
  #started = false;

  constructor(redirectUri: string, answers: LoopbackAnswers) {
    this.redirectUri = redirectUri;
    this.#expected = new URL(redirectUri);
    this.startUrl = new URL(`/start/${randomBytes(32).toString('base64url')}`, redirectUri);
    this.#answers = answers;
  }

  async replyTo({ method, headers, url = '' }: IncomingMessage): Promise<Reply> {
    const expected = this.#expected;
    const asked = URL.canParse(url, expected.href) ? new URL(url, expected) : null;
    // Another name for this machine is a page elsewhere that tries the port (DNS rebinding).
    if (method === 'GET' && headers.host === expected.host && asked !== null) {
      if (asked.pathname === this.startUrl.pathname) return this.#start();
      if (asked.pathname === expected.pathname) {
        const browser = browserOf(headers.cookie, expected);
        return plain(await this.#answers.callback(asked.searchParams, browser));
      }
    }
    return plain(NOT_HERE);
  }

  async #start(): Promise<Reply> {
    if (this.#started) return plain(USED);
    this.#started = true;
    const start = await this.#answers.start(this.redirectUri);
    if (!('link' in start)) return plain(start);
    const cookie = cookieOf(start.browser, this.#expected);
    return { page: GOES_ON, headers: { location: start.link.reveal(), 'set-cookie': cookie } };
  }
}

async function respond(
  room: LoopbackRoom,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Also when the browser goes away before it is answered.
  const closed = new Promise<void>((resolve) => response.once('close', () => resolve()));
  const { page, headers } = await room.replyTo(request);
  response.writeHead(page.status, { ...PAGE_HEADERS, ...headers });
  response.end(pageHtml(page));
  await closed;
}

const plain = (page: CallbackPage): Reply => ({ page, headers: {} });

const NOT_HERE = { status: 404, title: 'Nothing here', text: 'This window can be closed.' };

const GOES_ON = {
  status: 303,
  title: 'One moment',
  text: 'The browser goes on to the page that asks for the consent.',
};

const USED = {
  status: 410,
  title: 'This link has been used',
  text:
    'It works once, and a browser has opened it already. If that was not yours, end the command in ' +
    'the terminal and run it again.',
};
