import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { TokenSystem } from '../support/token-system.js';

/** An application beside the token worker: a Worker on a task queue of its own. */
export interface Application {
  client: Client;
  taskQueue: string;
  /** Runs a workflow of `application-workflows.ts`. */
  execute(workflowType: string, ...args: unknown[]): Promise<unknown>;
  /** Calls one activity by name, of the token worker unless `own`. */
  call(activity: string, args: unknown[], options?: CallOptions): Promise<unknown>;
  stop(): Promise<void>;
}

/** How an activity is called. */
export interface CallOptions {
  own?: boolean;
  from?: 'callByName' | 'callFromElsewhere';
  maximumAttempts?: number;
}

/** What makes an application differ. */
export interface ApplicationOptions {
  name?: string;
  activities?: Record<string, (input: never) => Promise<unknown>>;
  dataConverter?: DataConverter;
}

/** Starts an application of a token system. */
export async function startApplication(
  system: TokenSystem,
  { name = 'app', activities = {}, dataConverter }: ApplicationOptions = {},
): Promise<Application> {
  const connection = await NativeConnection.connect({ address: system.address });
  const taskQueue = `${system.taskQueue}-${name}`;
  const converting = dataConverter === undefined ? {} : { dataConverter };
  const worker = await Worker.create({
    ...{ connection, taskQueue, activities, ...converting },
    workflowsPath: fileURLToPath(new URL('./application-workflows.ts', import.meta.url)),
  });
  const running = worker.run();
  const client = new Client({ connection: system.connection, ...converting });
  const execute = (workflowType: string, ...args: unknown[]): Promise<unknown> =>
    client.workflow.execute(workflowType, {
      ...{ taskQueue, args },
      workflowId: `${taskQueue}-${randomUUID()}`,
    });
  return {
    client,
    taskQueue,
    execute,
    call: (activity, args, { own = false, from = 'callByName', maximumAttempts = 1 } = {}) =>
      execute(from, {
        ...{ activity, args, maximumAttempts },
        taskQueue: own ? null : system.taskQueue,
      }),
    async stop() {
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}
