import { describe, expect, it } from 'vitest';
import { hasConsent, isAuthorized, nextLookMs, parkedDelayMs } from '../../src/contract/parking.js';
import { newRecord, NOW, record } from './records.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe('an activity that waits for a person', () => {
  it('looks after 5 s, then later and later, at least every 5 min', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 1_000].map((attempt) => parkedDelayMs(attempt, 0));
    expect(delays.slice(0, 4)).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(delays.slice(6)).toEqual([5 * MINUTE, 5 * MINUTE, 5 * MINUTE]);
  });

  it('does not come in the same instant as all the others', () => {
    expect(parkedDelayMs(7, 1)).toBe(5.5 * MINUTE);
  });

  it('looks some 600 times in two days, and never later than five and a half minutes', () => {
    const dead = record({ state: 'reauthorization_required' });
    let now = NOW;
    let looks = 0;
    while (now < NOW + 2 * DAY) {
      looks += 1;
      const delayMs = nextLookMs({ ...dead, now }, looks, 0.5);
      expect(delayMs).toBeLessThanOrEqual(5.5 * MINUTE);
      now += delayMs;
    }
    expect(looks).toBeGreaterThan(500);
    expect(looks).toBeLessThan(600);
  });

  it('looks at once when the consent came while it was registered, or the connection went', () => {
    expect(nextLookMs(record({ epoch: 2 }), 1, 0)).toBeLessThan(1_000);
    expect(nextLookMs(record({ epoch: 2 }), 900, 0)).toBeLessThanOrEqual(5_000);
    expect(nextLookMs(null, 1, 0)).toBeLessThan(1_000);
  });
});

describe('a consent', () => {
  it('is there while its grant lives', () => {
    expect(isAuthorized(record({ hasRefreshToken: true }))).toBe(true);
    expect(isAuthorized(record({ state: 'at_risk', hasRefreshToken: true }))).toBe(true);
    // A server that gives no refresh token.
    expect(isAuthorized(record({ hasRefreshToken: false }))).toBe(true);
    const refused = { reason: 'rejected' as const, at: NOW };
    expect(isAuthorized(record({ hasRefreshToken: false, invalid: refused }))).toBe(false);
    expect(isAuthorized(newRecord({ hasRefreshToken: false }))).toBe(false);
    for (const state of ['reauthorization_required', 'revoking', 'revoked', 'blocked'] as const) {
      expect(isAuthorized(record({ state, hasRefreshToken: true }))).toBe(false);
    }
  });

  it('is the wanted one when it is later than the epoch that was named', () => {
    const granted = record({ epoch: 3, hasRefreshToken: true });
    expect(hasConsent(granted, null)).toBe(true);
    expect(hasConsent(granted, 2)).toBe(true);
    expect(hasConsent(granted, 3)).toBe(false);
  });
});
