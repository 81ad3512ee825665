/** Very many connections at once. */
import { expect } from 'vitest';
import { scenario } from './support/scenario.js';

const CONNECTIONS = 200;
/** Of the issue task queue, over all workers; it may begin with one second's worth. */
const ISSUES_PER_SECOND = 50;

scenario({
  number: 44,
  // It searches 200 histories, which keeps this process busy.
  alone: true,
  fault: '200 connections expire in the same second',
  outcome: 'one token request each, and no more at once than the limit allows',
  async run(fault) {
    await fault.startWorker('only');
    const connections = await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, index) =>
        fault.put(`many-${index}`, { rotation: null }),
      ),
    );
    const answers = await Promise.all(connections.map((connectionId) => fault.ask(connectionId)));
    expect(answers.every(({ generation }) => generation === 1)).toBe(true);
    expect(fault.server.exchanges).toHaveLength(CONNECTIONS);
    const arrivals = fault.server.exchanges.map(({ arrivedAt }) => arrivedAt);
    const mostInASecond = Math.max(
      ...arrivals.map((from) => arrivals.filter((at) => at >= from && at < from + 1_000).length),
    );
    expect(mostInASecond).toBeLessThanOrEqual(2 * ISSUES_PER_SECOND);
    return { more: { connections: CONNECTIONS, mostInASecond } };
  },
});
