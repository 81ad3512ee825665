import { issueTaskQueue } from '../contract/names.js';
import { REQUEST_MS, type CliContext } from './context.js';

/** Temporal lists pollers for minutes; one that lives polls again within a minute. */
const ALIVE_MS = 120_000;
const WORKFLOW = 1;
const ACTIVITY = 2;

/**
 * The token deployment's task queues that no worker polls; empty: a worker serves all of them.
 */
export async function unservedQueues(context: CliContext): Promise<string[]> {
  const { connection } = await context.temporal();
  const { namespace, taskQueue } = context.config;
  const queues = [
    { name: taskQueue, type: WORKFLOW },
    { name: taskQueue, type: ACTIVITY },
    { name: issueTaskQueue(taskQueue), type: ACTIVITY },
  ];
  const served = await Promise.all(
    queues.map(async ({ name, type }) => {
      const { pollers } = await connection.withDeadline(Date.now() + REQUEST_MS, () =>
        connection.workflowService.describeTaskQueue({
          namespace,
          taskQueue: { name },
          taskQueueType: type,
        }),
      );
      return (pollers ?? []).some(({ lastAccessTime }) => {
        const at = Number(lastAccessTime?.seconds ?? 0) * 1_000;
        return Date.now() - at < ALIVE_MS;
      });
    }),
  );
  return [...new Set(queues.filter((_, index) => served[index] !== true).map(({ name }) => name))];
}

/** Why nobody answered within the time, as far as the task queues tell. */
export async function whyNoAnswer(context: CliContext): Promise<string> {
  const unserved = await unservedQueues(context).catch(() => null);
  if (unserved === null) return 'Temporal does not say whether a worker is there.';
  return unserved.length === 0
    ? 'A worker is there; `oauth-tokens status` and the Temporal UI show what it does.'
    : `No worker polls ${unserved.join(' and ')} in namespace ${context.config.namespace}: start one with \`oauth-tokens worker\`.`;
}
