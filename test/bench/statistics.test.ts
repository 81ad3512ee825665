import fc from 'fast-check';
import { expect, it } from 'vitest';
import { median, percentile, ratios, spread, unevenness } from '../../bench/statistics.js';

it('takes the middle value, or the mean of the middle two', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

it('takes a percentile that so many values do not exceed', () => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile([7], 0.99)).toBe(7);
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (some) => {
      const at = percentile(some, 0.9);
      const within = some.filter((value) => value <= at).length;
      expect(within).toBeGreaterThanOrEqual(some.length * 0.9);
    }),
  );
});

it('compares round by round', () => {
  expect(ratios([2, 9], [1, 3])).toEqual([2, 3]);
  expect(spread([2, 9, 4])).toEqual({ min: 2, max: 9 });
});

it('says how far from flat values are', () => {
  expect(unevenness([5, 5, 5])).toBe(0);
  expect(unevenness([0, 10])).toBe(1);
});
