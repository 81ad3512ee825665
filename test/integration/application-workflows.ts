/** Workflows of an application that knows the token worker by names alone, as other SDKs do. */
import { executeChild, proxyActivities } from '@temporalio/workflow';

type Activity = (...args: unknown[]) => Promise<unknown>;

/** One call of an activity. */
export interface CallByName {
  /** Null: the workflow's own task queue. */
  taskQueue: string | null;
  activity: string;
  /** Its arguments; usually one object. */
  args: unknown[];
  maximumAttempts: number;
}

/** Calls one activity by its name and returns what it returned. */
export async function callByName(call: CallByName): Promise<unknown> {
  const activities = proxyActivities<Record<string, Activity>>({
    ...(call.taskQueue === null ? {} : { taskQueue: call.taskQueue }),
    startToCloseTimeout: '60 seconds',
    retry: { maximumAttempts: call.maximumAttempts },
  });
  return activities[call.activity]?.(...call.args);
}

/** The same under another workflow type. */
export async function callFromElsewhere(call: CallByName): Promise<unknown> {
  return callByName(call);
}

/** Runs a workflow of the token worker as a child, by its name. */
export async function childByName(call: {
  taskQueue: string;
  workflowType: string;
  input: unknown;
}): Promise<unknown> {
  return executeChild(call.workflowType, { taskQueue: call.taskQueue, args: [call.input] });
}
