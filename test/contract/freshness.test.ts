import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endAheadMs, freshnessOf, leewayMs, refreshAheadMs } from '../../src/contract/freshness.js';
import { NOW } from './records.js';

const lifetime = fc.integer({ min: 1_000, max: 366 * 86_400_000 });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** The times of a token issued at `NOW`. */
function timesOf(lifetimeMs: number, drawn = 0) {
  const expiresAt = NOW + lifetimeMs;
  return { lifetimeMs, expiresAt, refreshAfter: expiresAt - refreshAheadMs(lifetimeMs, drawn) };
}

describe('when a refresh becomes due', () => {
  it.each([
    ['5 minutes before the expiry of a one-hour token', 3_600_000, 300_000],
    ['5 minutes before the expiry of a one-day token', 86_400_000, 300_000],
    ['20 % before the expiry of a 60-second token', 60_000, 12_000],
    ['20 % before the expiry of a 20-second token', 20_000, 4_000],
  ])('is %s', (_title, lifetimeMs, aheadMs) => {
    expect(refreshAheadMs(lifetimeMs, 0)).toBe(aheadMs);
  });

  it('is spread over 5 % of the lifetime, at most one minute', () => {
    const almostOne = 1 - Number.EPSILON;
    expect(refreshAheadMs(60_000, almostOne) - refreshAheadMs(60_000, 0)).toBe(3_000);
    expect(refreshAheadMs(86_400_000, almostOne) - refreshAheadMs(86_400_000, 0)).toBe(60_000);
  });

  it('is always before the token stops being used, for lifetimes of a second and more', () => {
    fc.assert(
      fc.property(lifetime, random, (lifetimeMs, drawn) => {
        const { refreshAfter, expiresAt } = timesOf(lifetimeMs, drawn);
        expect(refreshAfter).toBeLessThan(expiresAt - leewayMs(lifetimeMs));
        expect(refreshAfter).toBeGreaterThan(NOW);
      }),
    );
  });

  it('leaves a 60-second token at least 45 seconds of peace', () => {
    fc.assert(
      fc.property(random, (drawn) => {
        expect(timesOf(60_000, drawn).refreshAfter - NOW).toBeGreaterThanOrEqual(45_000);
      }),
    );
  });
});

describe('how fresh a token is', () => {
  const hour = timesOf(3_600_000);

  it.each([
    ['fresh', NOW],
    ['fresh', hour.refreshAfter - 1],
    ['stale', hour.refreshAfter],
    ['stale', hour.expiresAt - 30_001],
    ['expired', hour.expiresAt - 30_000],
    ['expired', hour.expiresAt],
    ['expired', hour.expiresAt + 86_400_000],
  ] as const)('is %s at %i', (freshness, now) => {
    expect(freshnessOf(hour, now)).toBe(freshness);
  });

  it('is min_valid when the caller needs it for longer than it still lives', () => {
    expect(freshnessOf(hour, NOW, 3_600_000)).toBe('fresh');
    expect(freshnessOf(hour, NOW, 3_600_001)).toBe('min_valid');
  });

  it('is fresh until an API refuses it when no lifetime is known', () => {
    const times = { expiresAt: null, refreshAfter: null, lifetimeMs: null };
    expect(freshnessOf(times, NOW + 10 * 365 * 86_400_000, 86_400_000)).toBe('fresh');
  });

  it('is expired at once with a lifetime of 0 (expires_in of 0 or less)', () => {
    expect(freshnessOf(timesOf(0), NOW)).toBe('expired');
  });

  it('is never usable within the leeway before expiry, nor after it', () => {
    fc.assert(
      fc.property(lifetime, random, fc.double({ min: 0, max: 2, noNaN: true }), (ms, drawn, at) => {
        const times = timesOf(ms, drawn);
        const now = NOW + ms * at;
        const usable = ['fresh', 'stale'].includes(freshnessOf(times, now));
        expect(usable).toBe(now < times.expiresAt - leewayMs(ms));
      }),
    );
  });

  it('only grows older while time passes', () => {
    const order = ['fresh', 'stale', 'expired'];
    fc.assert(
      fc.property(lifetime, random, fc.nat(), fc.nat(), (ms, drawn, first, more) => {
        const times = timesOf(ms, drawn);
        const early = order.indexOf(freshnessOf(times, NOW + first));
        expect(order.indexOf(freshnessOf(times, NOW + first + more))).toBeGreaterThanOrEqual(early);
      }),
    );
  });
});

describe('a token that nothing can refresh', () => {
  it('is looked at when it stops being used, and is never stale before', () => {
    fc.assert(
      fc.property(lifetime, fc.double({ min: 0, max: 1, noNaN: true }), (lifetimeMs, share) => {
        const expiresAt = NOW + lifetimeMs;
        const refreshAfter = expiresAt - endAheadMs(lifetimeMs);
        const times = { lifetimeMs, expiresAt, refreshAfter };
        expect(freshnessOf(times, refreshAfter)).toBe('expired');
        expect(freshnessOf(times, NOW + lifetimeMs * share)).not.toBe('stale');
      }),
    );
  });
});
