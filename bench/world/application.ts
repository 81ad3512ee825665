import { randomUUID } from 'node:crypto';
import type { ManyCalls } from '../processes/application-workflows.js';
import { startChild, type Child } from './child.js';
import type { Deployment } from './deployment.js';

/** The benches' application, in a process of its own. */
export interface Application {
  process: Child;
  taskQueue: string;
  /** Runs a workflow that calls the API; returns how many calls were served. */
  callApi(input: ManyCalls): Promise<number>;
}

/** Starts the process beside a deployment. */
export async function startApplication(deployment: Deployment): Promise<Application> {
  const taskQueue = `application-${randomUUID()}`;
  const env = { ...deployment.environment(), BENCH_TASK_QUEUE: taskQueue };
  const { child } = await startChild('bench/processes/application.ts', { env });
  return {
    process: child,
    taskQueue,
    async callApi(input) {
      const served: unknown = await deployment.client.workflow.execute('callApiManyTimes', {
        ...{ taskQueue, workflowId: `calls-${randomUUID()}`, args: [input] },
      });
      return Number(served);
    },
  };
}
