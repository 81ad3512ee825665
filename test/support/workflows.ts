/** Workflows of an application, which knows the token deployment's activities by name alone. */
import { proxyActivities } from '@temporalio/workflow';

type Untyped = Record<string, (input: unknown) => Promise<unknown>>;

/** Calls `getAccessToken` many times at once. */
export async function manyTokens(input: {
  connectionId: string;
  count: number;
  taskQueue: string;
}): Promise<unknown[]> {
  const activities = proxyActivities<Untyped>({
    taskQueue: input.taskQueue,
    startToCloseTimeout: '2 minutes',
  });
  const { getAccessToken } = activities;
  if (getAccessToken === undefined) throw new TypeError('no proxy');
  return Promise.all(
    Array.from({ length: input.count }, () => getAccessToken({ connectionId: input.connectionId })),
  );
}

/** Calls `callApi` once, as other SDKs do: without our helper's options. */
export async function oneCall(input: {
  call: unknown;
  taskQueue: string;
  startToCloseMs: number;
}): Promise<unknown> {
  const { callApi } = proxyActivities<Untyped>({
    taskQueue: input.taskQueue,
    startToCloseTimeout: input.startToCloseMs,
  });
  if (callApi === undefined) throw new TypeError('no proxy');
  return callApi(input.call);
}
