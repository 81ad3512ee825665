import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMIT_MS, requestBudget } from '../../src/contract/budgets.js';
import { ISSUE_OPTIONS } from '../../src/workflows/options.js';

const timeout = fc.integer({ min: 1, max: 120_000 });
const requests = fc.constantFrom(1, 2);
const latency = fc.double({ min: 0, max: 10_000, noNaN: true });

describe('the budget of a token request', () => {
  it('is 20 seconds for the usual ten-second request', () => {
    expect(requestBudget(10_000, 1, 0)).toEqual({ sendWithinMs: 1_000, attemptMs: 20_000 });
  });

  it('grows with the latency measured at the store, up to 15 seconds', () => {
    expect(requestBudget(10_000, 1, 500).sendWithinMs).toBe(3_000);
    expect(requestBudget(10_000, 1, 60_000).sendWithinMs).toBe(15_000);
  });

  it('is strictly more than everything that happens in it', () => {
    fc.assert(
      fc.property(timeout, requests, latency, (ms, count, latencyMs) => {
        const { sendWithinMs, attemptMs } = requestBudget(ms, count, latencyMs);
        expect(attemptMs).toBeGreaterThan(sendWithinMs + count * ms + COMMIT_MS);
      }),
    );
  });

  it("stays below the activity's start-to-close for the longest request there may be", () => {
    expect(ISSUE_OPTIONS.startToCloseTimeout).toBe('6 minutes');
    fc.assert(
      fc.property(timeout, requests, latency, (ms, count, latencyMs) => {
        expect(requestBudget(ms, count, latencyMs).attemptMs).toBeLessThan(6 * 60_000 - 40_000);
      }),
    );
  });
});
