import type { StoredConnection } from '../contract/connection-record.js';
import type { LifecycleView } from '../contract/messages.js';
import { keepAliveDueAt } from '../contract/refresh-token-clocks.js';
import { aheadRefreshAt, statusOf, type TokenRecord } from '../contract/token-record.js';

/** Whoever starts a token request of this length waits for it without a timer. */
const USUAL_REQUEST_MS = 10_000;

/** A connection that is not there. */
export const NO_CONNECTION: LifecycleView = {
  status: null,
  refresh: 'on-demand',
  searchAttributes: false,
  slowServer: false,
  refreshInMs: null,
};

/** What the lifecycle may know about a record: everything but secrets. */
export function viewOf(
  connection: StoredConnection,
  record: TokenRecord,
  searchAttributes: boolean,
): LifecycleView {
  const { refresh } = connection.lifetime;
  const inMs = (at: number | null) => (at === null ? null : Math.max(at - record.now, 0));
  return {
    status: statusOf(record, refresh),
    refresh,
    searchAttributes,
    slowServer: connection.authorizationServer.requestTimeoutMs > USUAL_REQUEST_MS,
    refreshInMs: inMs(aheadRefreshAt(record, refresh)),
    keepAliveInMs: inMs(keepAliveDueAt(record)),
  };
}
