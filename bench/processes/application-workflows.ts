/** Workflows of the benches' application: many calls of an API, as people write them. */
import { proxyActivities, sleep } from '@temporalio/workflow';
import type { ApplicationActivities, CallInput, CallWay } from './application-activities.js';

const activities = proxyActivities<ApplicationActivities>({ startToCloseTimeout: '1 minute' });

/** Input of {@link callApiManyTimes}. */
export interface ManyCalls extends CallInput {
  way: CallWay;
  calls: number;
  atOnce: number;
}

const WAYS: Record<CallWay, (input: CallInput) => Promise<number>> = {
  static: (input) => activities.callWithStaticHeader(input),
  package: (input) => activities.callWithPackage(input),
  request: (input) => activities.callWithTokenRequest(input),
  async activity(input) {
    const token = await activities.getToken(input);
    return activities.callWithToken({ ...input, token });
  },
};

/** Calls an API many times, so many at once; returns how many calls were answered with 200. */
export async function callApiManyTimes(input: ManyCalls): Promise<number> {
  const { way, calls, atOnce, ...call } = input;
  let started = 0;
  let served = 0;
  const lane = async (): Promise<void> => {
    while (started < calls) {
      started += 1;
      if ((await WAYS[way](call)) === 200) served += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return served;
}

/** What a refresh ahead costs Temporal at least: a timer and an activity that does nothing. */
export async function timerAndActivity(input: { firstMs: number; everyMs: number }): Promise<void> {
  await sleep(input.firstMs);
  for (;;) {
    await activities.doNothing();
    await sleep(input.everyMs);
  }
}
