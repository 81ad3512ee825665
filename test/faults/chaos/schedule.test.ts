import { describe, expect, it } from 'vitest';
import { FAULT_KINDS, makeSchedule } from './schedule.js';

describe('the schedule of a chaos run', () => {
  it('follows from the seed alone', () => {
    expect(makeSchedule(7, 10)).toEqual(makeSchedule(7, 10));
    expect(makeSchedule(7, 10)).not.toEqual(makeSchedule(8, 10));
  });

  it('of a shorter run is the beginning of a longer one', () => {
    const short = makeSchedule(7, 1);
    expect(makeSchedule(7, 10).slice(0, short.length)).toEqual(short);
  });

  it('is in order of time and ends before the run, and half an hour has every kind of fault', () => {
    const schedules = [1, 2, 3].map((seed) => makeSchedule(seed, 10));
    for (const schedule of schedules) {
      const times = schedule.map(({ atMs }) => atMs);
      expect(times).toEqual([...times].sort((one, other) => one - other));
      expect(times.at(-1)).toBeLessThan(600_000);
    }
    expect(new Set(schedules.flat().map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS));
  });
});
