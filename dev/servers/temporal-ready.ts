import { randomUUID } from 'node:crypto';
import { Connection, type ConnectionOptions } from '@temporalio/client';

// Numbers of the wire protocol: its generated enums cannot be imported by name from an ES module.
/** gRPC status NOT_FOUND. */
const NOT_FOUND = 5;
/** temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW */
const WORKFLOW_TASK_QUEUE = 1;
/** temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD */
const KEYWORD = 2;
/** One look may not take long: a connection made too early is better made anew. */
const LOOK_MS = 2_000;
/** gRPC waits a second after a refused connection, by default longer than the server's start. */
const channelArgs = {
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 200,
};

/** @throws whatever a call is refused with, except that the thing asked for does not exist */
async function expectNotFound(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if ((error as { code?: number }).code !== NOT_FOUND) throw error;
  }
}

async function checkSearchAttributes(
  connection: Connection,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  if (names.length === 0) return;
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = names.filter((name) => Number(customAttributes[name]) !== KEYWORD);
  if (missing.length === 0) return;
  const flags = missing.map((name) => `--name ${name} --type Keyword`).join(' ');
  throw new Error(`missing: temporal operator search-attribute create ${flags}`);
}

/**
 * Uses a Temporal server for real, once: connects, asks its history service for a workflow that
 * does not exist and its matching service for a task queue.
 * @throws Error if a part of it cannot be used (yet)
 */
export async function checkTemporal(
  options: ConnectionOptions,
  namespace: string,
  searchAttributes: readonly string[],
): Promise<void> {
  // Connecting includes a GetSystemInfo call.
  const connection = await Connection.connect({ ...options, channelArgs, connectTimeout: LOOK_MS });
  const execution = { workflowId: randomUUID() };
  const taskQueue = { name: `ready-${execution.workflowId}` };
  try {
    await connection.withDeadline(Date.now() + LOOK_MS, async () => {
      const { workflowService } = connection;
      await expectNotFound(workflowService.describeWorkflowExecution({ namespace, execution }));
      await workflowService.describeTaskQueue({
        namespace,
        taskQueue,
        taskQueueType: WORKFLOW_TASK_QUEUE,
      });
      await checkSearchAttributes(connection, namespace, searchAttributes);
    });
  } finally {
    await connection.close();
  }
}
