import { proxyActivities, sleep } from '@temporalio/workflow';
import type { createSuperserviceActivities } from './activities.js';

const { countThings } = proxyActivities<ReturnType<typeof createSuperserviceActivities>>({
  startToCloseTimeout: '1 minute',
  summary: 'GET /v1/things',
});

/** Input of {@link watchThings}. */
export interface WatchThingsInput {
  /** How often the API is called. */
  calls: number;
  /** Pause between two calls, in milliseconds. */
  everyMs: number;
}

/** Looks at the things of the SuperService again and again. It knows nothing of tokens. */
export async function watchThings({ calls, everyMs }: WatchThingsInput): Promise<number> {
  let seen = 0;
  for (let call = 0; call < calls; call += 1) {
    seen += await countThings();
    await sleep(everyMs);
  }
  return seen;
}
