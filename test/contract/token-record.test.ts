import { describe, expect, it } from 'vitest';
import { nextRefreshAt, statusOf, tokenRefOf } from '../../src/contract/token-record.js';
import { expiredRecord, failedRecord, newRecord, NOW, record, staleRecord } from './records.js';

describe('a token ref', () => {
  it('holds what may cross Temporal, and nothing else', () => {
    expect(tokenRefOf(record())).toEqual({
      connectionId: 'superservice',
      epoch: 1,
      generation: 3,
      tokenType: 'Bearer',
      scope: 'read write',
      expiresAt: '2026-01-01T12:59:00.000Z',
    });
  });

  it('has no expiry when no lifetime is known', () => {
    expect(tokenRefOf(record({ expiresAt: null })).expiresAt).toBeNull();
  });
});

describe('the status', () => {
  it('says everything a person may know, with times as ISO texts', () => {
    expect(statusOf(record(), 'on-demand')).toEqual({
      connectionId: 'superservice',
      state: 'active',
      epoch: 1,
      generation: 3,
      tokenType: 'Bearer',
      scope: 'read write',
      issuedAt: '2026-01-01T11:59:00.000Z',
      expiresAt: '2026-01-01T12:59:00.000Z',
      refreshAfter: '2026-01-01T12:54:00.000Z',
      nextRefreshAt: null,
      failures: 0,
      retryAt: null,
      invalid: null,
      lastOutcome: { at: '2026-01-01T11:59:00.000Z', outcome: 'issued', type: null },
      refreshTokenExpiresAt: null,
      revocation: null,
    });
  });

  it('is plain JSON: what crosses Temporal arrives as it was', () => {
    const status = statusOf(failedRecord('OAuth.server_error'), 'ahead');
    expect(JSON.parse(JSON.stringify(status))).toEqual(status);
  });

  it('of a new connection is generation 0 with nothing known', () => {
    expect(statusOf(newRecord(), 'on-demand')).toMatchObject({
      generation: 0,
      tokenType: null,
      expiresAt: null,
      lastOutcome: null,
    });
  });

  it('says why the token is invalid, and what failed last', () => {
    const invalid = { reason: 'rejected', at: NOW } as const;
    expect(statusOf(failedRecord('OAuth.rate_limited', { invalid }), 'on-demand')).toMatchObject({
      failures: 4,
      retryAt: '2026-01-01T12:00:40.000Z',
      invalid: { reason: 'rejected', at: '2026-01-01T12:00:00.000Z' },
      lastOutcome: { outcome: 'failed', type: 'OAuth.rate_limited' },
    });
  });
});

describe('the next refresh by the lifecycle itself', () => {
  it('is none where callers say when', () => {
    expect(nextRefreshAt(staleRecord(), 'on-demand')).toBeNull();
  });

  it('is when it becomes due', () => {
    expect(nextRefreshAt(record(), 'ahead')).toBe(NOW + 54 * 60_000);
  });

  it('is now when there is no token, or one that must not be used', () => {
    expect(nextRefreshAt(newRecord(), 'ahead')).toBe(NOW);
    const invalid = { reason: 'rejected', at: NOW } as const;
    expect(nextRefreshAt(record({ invalid }), 'ahead')).toBe(NOW);
  });

  it('is not before the next attempt is allowed', () => {
    expect(nextRefreshAt(failedRecord('OAuth.unreachable'), 'ahead')).toBe(NOW + 40_000);
  });

  it('is none for a token without a known lifetime', () => {
    const endless = record({ expiresAt: null, refreshAfter: null, lifetimeMs: null });
    expect(nextRefreshAt(endless, 'ahead')).toBeNull();
  });

  it.each(['quarantined', 'blocked', 'reauthorization_required', 'revoking', 'revoked'] as const)(
    'is none when the record is %s',
    (state) => {
      expect(nextRefreshAt(expiredRecord({ state }), 'ahead')).toBeNull();
    },
  );

  it('is at least a minute away from a token that was expired when it arrived', () => {
    const dead = record({
      ...{ issuedAt: NOW, expiresAt: NOW, refreshAfter: NOW, lifetimeMs: 0 },
    });
    expect(nextRefreshAt(dead, 'ahead')).toBe(NOW + 60_000);
  });
});
