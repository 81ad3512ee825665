import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 25;

/**
 * Waits until a condition holds: `expect.poll` for scenarios that run side by side, where no test is
 * the current one.
 *
 * @param what - said when it does not hold in time
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`Not in ${timeoutMs} ms: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
}
