import { describe, expect, it } from 'vitest';
import {
  hasTokens,
  revocationDelayMs,
  revokeResultOf,
} from '../../src/contract/decide-revocation.js';
import { statusOf, type TokenRecord } from '../../src/contract/token-record.js';
import { attempt, newRecord, NOW, record } from './records.js';

const revoking = {
  requestedAt: NOW - 1_000,
  endedAt: null,
  refreshToken: false,
  accessToken: null,
};
const answerOf = (different: Partial<TokenRecord>) =>
  revokeResultOf(statusOf(record(different), 'on-demand'));

describe('a revocation', () => {
  it('is asked for again after 1 s doubling to 10 min, never earlier than the server says', () => {
    expect([1, 2, 3, 40].map((n) => revocationDelayMs(n, null))).toEqual([
      1_000, 2_000, 4_000, 600_000,
    ]);
    expect(revocationDelayMs(1, 3_600_000)).toBe(3_600_000);
  });

  it('says what is confirmed, why the rest is not, and when it is asked again', () => {
    const lastOutcome = { at: NOW, outcome: 'failed' as const, type: 'OAuth.server_error' };
    const retryAt = NOW + 2_000;
    expect(answerOf({ state: 'revoking', revocation: revoking, lastOutcome, retryAt })).toEqual({
      state: 'revoking',
      revoked: { refreshToken: false, accessToken: null },
      failure: { type: 'OAuth.server_error', final: false },
      retryAt: '2026-01-01T12:00:02.000Z',
    });
  });

  it('says when it is done, and nothing of failures before', () => {
    const done = { ...revoking, endedAt: NOW, refreshToken: true, accessToken: 'never' as const };
    expect(answerOf({ state: 'revoked', revocation: done, lastOutcome: null })).toEqual({
      state: 'revoked',
      revoked: { refreshToken: true, accessToken: 'never' },
      failure: null,
      retryAt: null,
    });
  });

  it('has something to revoke while a token is stored, or may still arrive', () => {
    const none = { hasRefreshToken: false };
    expect(hasTokens(newRecord(none))).toBe(false);
    expect(hasTokens(newRecord({ hasRefreshToken: true }))).toBe(true);
    expect(hasTokens(newRecord({ ...none, attempt: attempt() }))).toBe(true);
    expect(hasTokens(record())).toBe(true);
  });
});
