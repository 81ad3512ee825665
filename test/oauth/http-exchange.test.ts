import { Dispatcher } from 'undici';
import { expect, it } from 'vitest';
import { exchangeHttp } from '../../src/oauth/http-exchange.js';

/** Connects while the whole process stands still: no timer can fire before the connection is there. */
class StoodStill extends Dispatcher {
  aborted = false;

  override dispatch(_: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    const controller = {
      ...{ aborted: false, paused: false, reason: null, rawHeaders: null, rawTrailers: null },
      pause: () => undefined,
      resume: () => undefined,
      abort: (reason: Error) => {
        this.aborted = true;
        handler.onResponseError?.(controller, reason);
      },
    };
    handler.onRequestStart?.(controller, {});
    return true;
  }

  override destroy(): Promise<void> {
    return Promise.resolve();
  }
}

it('is not sent when the process stood still beyond its time while it connected', async () => {
  const url = new URL('http://127.0.0.1/token');
  const dispatcher = new StoodStill();
  const request = { url, method: 'POST', headers: {}, body: 'refresh_token=a' } as const;
  const exchange = await exchangeHttp(request, { dispatcher, timeoutMs: 20 });
  expect(dispatcher.aborted).toBe(true);
  expect(exchange).toMatchObject({ sent: false, status: null });
});
