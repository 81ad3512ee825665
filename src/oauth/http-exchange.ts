import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** Answers are read up to this size, before and after decompression. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** One request to an authorization server. */
export interface HttpRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** Where and how long a request may go. */
export interface HttpExchangeOptions {
  /** Used for this request only, and destroyed after it. */
  readonly dispatcher: Dispatcher;
  /** Hard limit over connecting, sending, headers and body. */
  readonly timeoutMs: number;
}

/** What was seen of an exchange; never thrown. */
export interface HttpExchange {
  /** Null: no status line was received. */
  readonly status: number | null;
  readonly headers: IncomingHttpHeaders;
  /** The body as received, content coding included, cut at {@link MAX_BODY_BYTES}. */
  readonly body: Buffer;
  /** How it ended: `complete` is a whole answer, however odd. */
  readonly end: 'complete' | 'timeout' | 'too_large' | 'error';
  /** Why `end` is `error`; foreign text, not to be passed on. */
  readonly error: unknown;
  /** Whether the request was handed to an open connection, so that the server may have it. */
  readonly sent: boolean;
  /** Monotonic milliseconds since it was sent, or since it was begun. */
  readonly elapsedMs: number;
}

/**
 * Sends one request and reads its answer. Redirects are answers, nothing is sent a second time, and
 * after the timeout nothing is sent any more.
 *
 * Whether it was sent is known for this very request: undici starts a request (`onRequestStart`) in
 * the moment in which it writes it to a connection that is open, TLS included.
 */
export async function exchangeHttp(
  request: HttpRequest,
  options: HttpExchangeOptions,
): Promise<HttpExchange> {
  const exchange = new Exchange(options.timeoutMs);
  try {
    options.dispatcher.dispatch(
      {
        origin: request.url.origin,
        path: request.url.pathname + request.url.search,
        method: request.method,
        headers: { ...request.headers },
        body: request.body,
        // The exchange has its own clock.
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      exchange,
    );
  } catch (error) {
    exchange.onResponseError(null, error);
  }
  const result = await exchange.result;
  // Not awaited: what was captured must not wait for a socket to close.
  options.dispatcher.destroy().catch(() => undefined);
  return result;
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly result: Promise<HttpExchange>;
  #resolve: ((result: HttpExchange) => void) | undefined;
  readonly #timer: NodeJS.Timeout;
  /** A timer that is due may fire after the connection is there: the process may have stood still. */
  readonly #sendBefore: number;
  #controller: Dispatcher.DispatchController | undefined;
  #since = performance.now();
  #sent = false;
  #status: number | null = null;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(timeoutMs: number) {
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = setTimeout(() => this.#finish('timeout'), timeoutMs);
    this.#sendBefore = this.#since + timeoutMs;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#resolve === undefined || performance.now() > this.#sendBefore) {
      controller.abort(new Error('The time for this request is over.'));
      return;
    }
    this.#controller = controller;
    this.#sent = true;
    this.#since = performance.now();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    // 103 Early Hints and the like come before the answer.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const room = MAX_BODY_BYTES - this.#size;
    this.#chunks.push(Buffer.from(chunk.subarray(0, room)));
    this.#size += Math.min(chunk.length, room);
    if (chunk.length > room) this.#finish('too_large');
  }

  onResponseEnd(): void {
    this.#finish('complete');
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: unknown): void {
    this.#finish('error', error);
  }

  #finish(end: HttpExchange['end'], error: unknown = null): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#resolve = undefined;
    clearTimeout(this.#timer);
    resolve({
      status: this.#status,
      headers: this.#headers,
      body: Buffer.concat(this.#chunks),
      end,
      error,
      sent: this.#sent,
      elapsedMs: performance.now() - this.#since,
    });
    if (end !== 'complete') this.#controller?.abort(new Error('The answer is not read further.'));
  }
}
