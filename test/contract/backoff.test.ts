import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterRejection,
  attemptDelayMs,
  callerDelayMs,
  nextRejectionRequestAt,
  REJECTION_INTERVAL_MS,
  type Rejections,
} from '../../src/contract/backoff.js';
import { NOW } from './records.js';

const MAX_INTERVAL_MS = 15 * 60_000;
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the pause after a failed attempt', () => {
  it.each([
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [6, 32_000],
    [7, 60_000],
    [5_000, 60_000],
  ])('is after failure number %i %i ms', (attempt, ms) => {
    expect(attemptDelayMs(attempt, null)).toBe(ms);
  });

  it('is never shorter than what the authorization server asked for', () => {
    expect(attemptDelayMs(1, 90_000)).toBe(90_000);
    expect(attemptDelayMs(7, 1_000)).toBe(60_000);
  });
});

describe('the pause of a caller', () => {
  it('lasts until the next request is allowed, and up to 10 % longer', () => {
    expect(callerDelayMs(NOW + 40_000, NOW, 0)).toBe(40_000);
    expect(callerDelayMs(NOW + 40_000, NOW, 0.999)).toBeLessThanOrEqual(44_000);
  });

  it('never ends in the past, nor at once', () => {
    const distance = fc.integer({ min: -86_400_000, max: 86_400_000 });
    fc.assert(
      fc.property(distance, random, (ms, drawn) => {
        const delayMs = callerDelayMs(NOW + ms, NOW, drawn);
        expect(delayMs).toBeGreaterThanOrEqual(Math.max(ms, 1));
        expect(delayMs).toBeLessThanOrEqual(Math.ceil(Math.max(ms, 1) * 1.1));
      }),
    );
  });
});

/** An API that refuses every generation `afterMs` after it was issued; gives the request times. */
function alwaysRefused(times: number, afterMs: number): number[] {
  const requestedAt: number[] = [];
  let rejections: Rejections | null = null;
  let now = NOW;
  for (let generation = 1; generation <= times; generation += 1) {
    now += afterMs;
    rejections = afterRejection(rejections, generation, now);
    now = Math.max(now, nextRejectionRequestAt(rejections) ?? now);
    rejections = { ...rejections, requestedAt: now };
    requestedAt.push(now);
  }
  return requestedAt;
}

const gapsOf = (times: number[]): number[] =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0));

describe('requests that an API asks for by refusing tokens', () => {
  it('are made at once for the first refused generation', () => {
    const first = afterRejection(null, 1, NOW);
    expect(first).toEqual({ inARow: 1, generation: 1, requestedAt: null });
    expect(nextRejectionRequestAt(first)).toBeNull();
    expect(nextRejectionRequestAt(null)).toBeNull();
  });

  it('are made after 30 s, 60 s, 2 min, … 15 min while refused generations follow each other', () => {
    const minutes = gapsOf(alwaysRefused(9, 1_000)).map((ms) => ms / 60_000);
    expect(minutes).toEqual([0.5, 1, 2, 4, 8, 15, 15, 15]);
  });

  it('are never closer than 30 s, nor held back for more than 15 min', () => {
    const pace = fc.integer({ min: 0, max: MAX_INTERVAL_MS });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), pace, (times, afterMs) => {
        for (const gap of gapsOf(alwaysRefused(times, afterMs))) {
          expect(gap).toBeGreaterThanOrEqual(REJECTION_INTERVAL_MS);
          expect(gap).toBeLessThanOrEqual(MAX_INTERVAL_MS + afterMs);
        }
      }),
    );
  });

  it('are made at once again for a generation that served longer than the longest pause', () => {
    const rejections = { inARow: 6, generation: 8, requestedAt: NOW };
    const later = NOW + MAX_INTERVAL_MS + 1;
    const next = afterRejection(rejections, 9, later);
    expect(next).toEqual({ inARow: 1, generation: 9, requestedAt: NOW });
    expect(nextRejectionRequestAt(next)).toBeLessThan(later);
  });

  it('keep their 30 s when an ordinary refresh came between two refused generations', () => {
    const rejections = { inARow: 3, generation: 8, requestedAt: NOW };
    const next = afterRejection(rejections, 10, NOW + 5_000);
    expect(next.inARow).toBe(1);
    expect(nextRejectionRequestAt(next)).toBe(NOW + REJECTION_INTERVAL_MS);
  });
});
