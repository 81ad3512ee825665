/** Workflows that do with a secret what they should not. */
import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  proxyActivities,
  setHandler,
  upsertMemo,
} from '@temporalio/workflow';

type Activity = (...args: unknown[]) => Promise<unknown>;

const activities = proxyActivities<Record<string, Activity>>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '2 seconds',
  retry: { maximumAttempts: 1 },
});

/** Runs one activity. */
export async function runs(name: string): Promise<unknown> {
  return activities[name]?.();
}

/** Answers what it is asked, until told to end. */
export async function waits(): Promise<void> {
  let ended = false;
  setHandler(defineSignal<[unknown]>('note'), () => undefined);
  setHandler(defineQuery<string, [string]>('echo'), (text) => text);
  setHandler(defineUpdate<string, [string]>('echo'), (text) => text);
  setHandler(defineSignal('end'), () => void (ended = true));
  await condition(() => ended);
}

// A workflow gets the parts of a token, and puts them together.
export async function returnsSecret(parts: string[]): Promise<string> {
  return parts.join('.');
}

export async function writesMemo(parts: string[]): Promise<void> {
  upsertMemo({ note: parts.join('.') });
  await activities['works']?.();
}

export async function passesOn(parts: string[]): Promise<void> {
  await activities['works']?.(parts.join('.'));
}

export async function throwsInDetails(parts: string[]): Promise<void> {
  throw ApplicationFailure.create({ message: 'x', details: [parts.join('.')] });
}
