import { describe, expect, it } from 'vitest';
import { keepAliveAfterMs, keepAliveDueAt } from '../../src/contract/refresh-token-clocks.js';
import { nextRefreshAt, statusOf } from '../../src/contract/token-record.js';
import { NOW, record } from './records.js';

const DAY = 24 * 3_600_000;
const idle = { hasRefreshToken: true, keepAliveAt: NOW + 2 * DAY };

describe('a refresh token that may not lie idle', () => {
  it('is used again after 70 % of the time', () => {
    expect(keepAliveAfterMs(10 * DAY)).toBe(7 * DAY);
    expect(keepAliveAfterMs(null)).toBeNull();
  });

  it('is due then, for connections of both kinds', () => {
    expect(keepAliveDueAt(record(idle))).toBe(NOW + 2 * DAY);
    expect(nextRefreshAt(record(idle), 'on-demand')).toBe(NOW + 2 * DAY);
    const lasting = { ...idle, expiresAt: null, refreshAfter: null, lifetimeMs: null };
    expect(nextRefreshAt(record(lasting), 'ahead')).toBe(NOW + 2 * DAY);
  });

  it('comes after what is due earlier, and not before the next attempt is allowed', () => {
    const ahead = record(idle);
    expect(nextRefreshAt(ahead, 'ahead')).toBe(ahead.refreshAfter);
    const failed = record({ hasRefreshToken: true, keepAliveAt: NOW - 5, retryAt: NOW + 40_000 });
    expect(keepAliveDueAt(failed)).toBe(NOW + 40_000);
  });

  it.each(['blocked', 'quarantined', 'reauthorization_required', 'revoking', 'revoked'] as const)(
    'is left alone when the connection is %s',
    (state) => expect(keepAliveDueAt(record({ ...idle, state }))).toBeNull(),
  );

  it('is presented past its own end: clocks lie, and a try costs nothing', () => {
    const ended = record({ ...idle, keepAliveAt: NOW - 1, refreshTokenExpiresAt: NOW - DAY });
    expect(keepAliveDueAt(ended)).toBe(NOW - 1);
  });

  it('has its end shown in the status', () => {
    const status = statusOf(record({ refreshTokenExpiresAt: NOW }), 'on-demand');
    expect(status.refreshTokenExpiresAt).toBe('2026-01-01T12:00:00.000Z');
  });
});
