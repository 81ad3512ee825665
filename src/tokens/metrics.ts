import { asyncLocalStorage } from '@temporalio/activity';
import type { MetricMeter } from '@temporalio/common';

/** Where a token that was handed out came from. */
export type TokenOrigin = 'memory' | 'store' | 'issued';

/** Names of the package's metrics. */
export const METRICS = {
  tokenRequests: 'oauth_token_requests',
  grantsLost: 'oauth_grants_lost',
  tokensHandedOut: 'oauth_tokens_handed_out',
  waited: 'oauth_token_wait',
} as const;

/**
 * Counts tokens handed out and time waited, through the meter of the activity that is running.
 * Tokens from memory are summed and reported with the next one that is not: the hot path stays
 * arithmetic.
 */
export class TokenMetrics {
  readonly #pending: Record<TokenOrigin, number> = { memory: 0, store: 0, issued: 0 };

  memoryHit(): void {
    this.#pending.memory += 1;
  }

  /**
   * @param origin - where the token came from
   * @param waitedMs - how long the caller waited, in milliseconds
   */
  handedOut(origin: TokenOrigin, waitedMs: number): void {
    this.#pending[origin] += 1;
    const meter = currentMeter();
    if (meter === undefined) return;
    meter.createHistogram(METRICS.waited, 'float', 'ms').record(waitedMs);
    const counter = meter.createCounter(METRICS.tokensHandedOut, '1');
    for (const source of ['memory', 'store', 'issued'] as const) {
      if (this.#pending[source] > 0) counter.add(this.#pending[source], { source });
      this.#pending[source] = 0;
    }
  }
}

/** The meter of the running activity; outside one, and when metrics are off, there is none. */
export function currentMeter(): MetricMeter | undefined {
  return asyncLocalStorage.getStore()?.metricMeter;
}
