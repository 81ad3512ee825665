import type { StoredConnection } from '../contract/connection-record.js';
import type { LifecycleView } from '../contract/messages.js';
import { nextRefreshAt, statusOf, type TokenRecord } from '../contract/token-record.js';

/** A connection that is not there. */
export const NO_CONNECTION: LifecycleView = {
  status: null,
  refresh: 'on-demand',
  searchAttributes: false,
  refreshInMs: null,
};

/** What the lifecycle may know about a record: everything but secrets. */
export function viewOf(
  connection: StoredConnection,
  record: TokenRecord,
  searchAttributes: boolean,
): LifecycleView {
  const { refresh } = connection.lifetime;
  const dueAt = nextRefreshAt(record, refresh);
  return {
    status: statusOf(record, refresh),
    refresh,
    searchAttributes,
    refreshInMs: dueAt === null ? null : Math.max(dueAt - record.now, 0),
  };
}
