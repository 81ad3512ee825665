import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { dailyCost, unitCosts } from '../../bench/report/cost.js';
import { makePage } from '../../bench/report/page.js';
import { readResults } from '../../bench/report/results.js';
import { isRight, type KeptResult } from '../../bench/result.js';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const TEMPLATE = 'bench/report/performance.template.md';

it('is what the kept results say, on the page and in every plot', async () => {
  const { text, plots } = makePage(read(TEMPLATE), await readResults());
  expect(read('docs/performance.md')).toBe(text);
  const drawn = readdirSync(new URL('docs/performance/', ROOT)).sort();
  expect(drawn).toEqual([...plots.keys()].sort());
  for (const [name, plot] of plots) expect(read(`docs/performance/${name}`)).toBe(plot);
});

it('has a place for every bench', async () => {
  const results = await readResults();
  for (const name of results.keys()) expect(read(TEMPLATE)).toContain(`{{result ${name}}}`);
});

it('leaves out what was not measured', () => {
  const { text } = makePage('{{result hot-path}} {{cost}}', new Map());
  expect(text).toBe('*Not measured yet.* *Not measured yet.*');
});

it('judges counts, and only those that have something to be', () => {
  expect(isRight({ what: '', value: 2, expected: { exactly: 1 } })).toBe(false);
  expect(isRight({ what: '', value: 2, expected: { atMost: 2 } })).toBe(true);
  expect(isRight({ what: '', value: 1, expected: { atLeast: 2 } })).toBe(false);
  expect(isRight({ what: '', value: 9, expected: null })).toBe(true);
});

const UNITS = {
  actions: { refresh: 2, start: 4, ahead: 2 },
  operations: { refresh: 5, caller: 2, ahead: 5 },
};
const PROFILE = {
  ...{ connections: 1_000, lifetimeS: 600, usedShare: 0.1, usedHours: 1, processes: 2 },
  callEveryS: 1,
};

it('calculates a day from counted parts', () => {
  // 600 s less 120 s ahead and 15 s of mean jitter: 465 s.
  const refreshes = (100 * 3_600) / 465;
  const day = dailyCost(UNITS, PROFILE);
  expect(day.refreshes).toBeCloseTo(refreshes);
  expect(day.actions).toBeCloseTo(refreshes * 2);
  // Two reads every 5 s, by two processes.
  expect(day.lookUps).toBe((100 * 2 * 3_600 * 2) / 5);
  expect(day.operations).toBeCloseTo(refreshes * 7 + day.lookUps);
});

it('starts the lifecycle anew for each token that outlives its idle time', () => {
  const { actions, refreshes } = dailyCost(UNITS, { ...PROFILE, lifetimeS: 3_600 });
  expect(actions / refreshes).toBeCloseTo(4);
});

it('reads the parts from what was counted, and misses none silently', () => {
  const empty = { counts: [] } as unknown as KeptResult;
  expect(() => unitCosts(empty)).toThrow('has not counted');
});
