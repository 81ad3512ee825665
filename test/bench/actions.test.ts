import { readFileSync } from 'node:fs';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { expect, it } from 'vitest';
import { actionsOf } from '../../bench/actions.js';

function eventsOf(name: string) {
  const file = new URL(`../histories/${name}-0.1.0.json`, import.meta.url);
  return historyFromJSON(JSON.parse(readFileSync(file, 'utf8'))).events ?? [];
}

it('counts the start, updates, activities and the idle timer of two refreshes', () => {
  const kinds = { starts: 1, updates: 2, activities: 2, retries: 0, timers: 1, others: 0 };
  expect(actionsOf(eventsOf('on-demand'))).toEqual({ ...kinds, total: 6 });
});

it('counts each retry of an activity', () => {
  expect(actionsOf(eventsOf('outage'))).toMatchObject({ activities: 3, retries: 2 });
});
