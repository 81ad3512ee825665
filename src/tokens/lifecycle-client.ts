import {
  Client,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  isGrpcServiceError,
  type ConnectionLike,
} from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type {
  ConnectionInput,
  EnsureTokenInput,
  EnsureTokenResult,
  RevokeInput,
  RevokeResult,
} from '../contract/messages.js';
import {
  CONFIGURE_UPDATE,
  ENSURE_TOKEN_UPDATE,
  REVOKE_UPDATE,
  TOKEN_LIFECYCLE_WORKFLOW,
  ensureTokenUpdateId,
  lifecycleWorkflowId,
  type EnsureTokenKey,
} from '../contract/names.js';
import { within } from './single-flight.js';

type LifecycleWorkflow = (input: ConnectionInput) => Promise<void>;

/** What people read beside the run in the Temporal UI (markdown). */
const DETAILS = [
  'Requests, stores and refreshes the access token of one connection. It holds no secret: the token',
  'lies sealed in MongoDB. `oauth-tokens status` shows the same from the command line.',
  '',
  'To end it for good use `oauth-tokens connection remove`; a run that is terminated is started again',
  'by the next caller.',
].join('\n');

const REACHABLE_MS = 2_000;
const START_MS = 10_000;
/** An answer that says that the time is over may take this long. */
const DEADLINE_SLACK_MS = 250;

/** How the token deployment is reached in Temporal. */
export interface LifecycleClientOptions {
  connection: ConnectionLike;
  namespace: string;
  taskQueue: string;
  /** The token deployment's own converter, never the application's. */
  dataConverter?: DataConverter | undefined;
}

/**
 * What came back: the handler's value, `no_answer` (the run ended, or the time did), or
 * `unreachable` (Temporal itself did not answer). All three are hints; the record decides.
 */
export type EnsureTokenAnswer =
  EnsureTokenResult | { outcome: 'no_answer' } | { outcome: 'unreachable' };

/** What came back of `revoke`, as with {@link EnsureTokenAnswer}. */
export type RevokeAnswer = 'answered' | 'no_answer' | 'unreachable';

/** Speaks to the lifecycle workflows. */
export interface LifecycleClient {
  /** Asks for a token by update-with-start; every caller with the same key and bucket joins. */
  ensureToken(
    connectionId: string,
    key: EnsureTokenKey & { bucket?: number },
    input: EnsureTokenInput,
    deadlineMs: number,
  ): Promise<EnsureTokenAnswer>;
  /**
   * Tells the lifecycle that the connection's record changed.
   *
   * @param start - start the lifecycle when it is not running
   * @returns whether a lifecycle took note
   */
  configure(connectionId: string, start: boolean, deadlineMs: number): Promise<boolean>;
  /**
   * Has the connection's tokens revoked, and waits for the first answer of the authorization server;
   * starts the lifecycle when it is not running.
   */
  revoke(connectionId: string, deadlineMs: number): Promise<RevokeAnswer>;
  /** Starts the lifecycle unless it is running. */
  start(connectionId: string): Promise<void>;
  /** Ends the lifecycle of a removed connection; works without a worker. */
  end(connectionId: string): Promise<boolean>;
  /** The run people look at in the UI; null: never started. */
  describe(connectionId: string): Promise<{ runId: string; status: string } | null>;
  /**
   * Waits for calls that were given up: gRPC ends them at their deadline, and a connection that is
   * closed before lets their next try throw in nobody's hands.
   */
  settled(): Promise<void>;
}

/**
 * Makes a client of the lifecycle workflows with a data converter of its own: an application's
 * payload codec would make the run unreadable for everybody else.
 */
export function createLifecycleClient(options: LifecycleClientOptions): LifecycleClient {
  const { connection, namespace, taskQueue, dataConverter } = options;
  const client = new Client({
    connection,
    namespace,
    ...(dataConverter === undefined ? {} : { dataConverter }),
  });
  const underWay = new Set<Promise<void>>();
  function followed<T>(call: Promise<T>): Promise<T> {
    const over: Promise<void> = call
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => underWay.delete(over));
    underWay.add(over);
    return call;
  }
  const startOperation = (connectionId: string) =>
    new WithStartWorkflowOperation<LifecycleWorkflow>(TOKEN_LIFECYCLE_WORKFLOW, {
      ...startOptions(connectionId),
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
  const startOptions = (connectionId: string) => ({
    workflowId: lifecycleWorkflowId(connectionId),
    taskQueue,
    args: [{ connectionId }] as [ConnectionInput],
    staticSummary: `OAuth 2.0 token of ${connectionId}`,
    staticDetails: DETAILS,
  });

  return {
    async ensureToken(connectionId, { bucket, ...key }, input, deadlineMs) {
      const update = client.withDeadline(Date.now() + deadlineMs, () =>
        client.workflow.executeUpdateWithStart<
          LifecycleWorkflow,
          EnsureTokenResult,
          [EnsureTokenInput]
        >(ENSURE_TOKEN_UPDATE, {
          args: [input],
          updateId: ensureTokenUpdateId(key, bucket),
          startWorkflowOperation: startOperation(connectionId),
        }),
      );
      try {
        // While Temporal is gone, gRPC notices the deadline only with its next try, seconds later.
        const answer = await within(followed(update), deadlineMs + DEADLINE_SLACK_MS);
        if (answer !== undefined) return answer;
      } catch (error) {
        const timedOut = error instanceof WorkflowUpdateRPCTimeoutOrCancelledError;
        if (!timedOut) return { outcome: answerOf(error) };
      }
      return { outcome: (await reachable(connection, followed)) ? 'no_answer' : 'unreachable' };
    },
    async configure(connectionId, start, deadlineMs) {
      try {
        await client.withDeadline(Date.now() + deadlineMs, async () => {
          const args: [Record<string, never>] = [{}];
          if (start) {
            const startWorkflowOperation = startOperation(connectionId);
            await client.workflow.executeUpdateWithStart(CONFIGURE_UPDATE, {
              args,
              startWorkflowOperation,
            });
          } else {
            const handle = client.workflow.getHandle(lifecycleWorkflowId(connectionId));
            await handle.executeUpdate(CONFIGURE_UPDATE, { args });
          }
        });
        return true;
      } catch (error) {
        if (answerOf(error) === 'unreachable') throw error;
        return false;
      }
    },
    async revoke(connectionId, deadlineMs) {
      const update = client.withDeadline(Date.now() + deadlineMs, () =>
        client.workflow.executeUpdateWithStart<LifecycleWorkflow, RevokeResult, [RevokeInput]>(
          REVOKE_UPDATE,
          { args: [{}], startWorkflowOperation: startOperation(connectionId) },
        ),
      );
      try {
        const answer = await within(followed(update), deadlineMs + DEADLINE_SLACK_MS);
        if (answer !== undefined) return 'answered';
      } catch (error) {
        if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) return answerOf(error);
      }
      return (await reachable(connection, followed)) ? 'no_answer' : 'unreachable';
    },
    async start(connectionId) {
      await client.withDeadline(Date.now() + START_MS, () =>
        client.workflow.start(TOKEN_LIFECYCLE_WORKFLOW, {
          ...startOptions(connectionId),
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      );
    },
    async settled() {
      await Promise.all(underWay);
    },
    async end(connectionId) {
      try {
        const handle = client.workflow.getHandle(lifecycleWorkflowId(connectionId));
        await handle.terminate('The connection was removed.');
        return true;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
    async describe(connectionId) {
      try {
        const handle = client.workflow.getHandle(lifecycleWorkflowId(connectionId));
        const { runId, status } = await handle.describe();
        return { runId, status: status.name };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },
  };
}

/** gRPC codes of a server that was there: cancelled, deadline, exhausted (too many updates), precondition. */
const ANSWERED_CODES = new Set([1, 4, 8, 9]);

function answerOf(error: unknown): 'no_answer' | 'unreachable' {
  if (error instanceof WorkflowUpdateFailedError || error instanceof WorkflowNotFoundError) {
    return 'no_answer';
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return 'no_answer';
  const cause = error instanceof Error && 'cause' in error ? error.cause : undefined;
  const service = isGrpcServiceError(error) ? error : isGrpcServiceError(cause) ? cause : null;
  return service !== null && ANSWERED_CODES.has(service.code) ? 'no_answer' : 'unreachable';
}

/** A deadline alone does not say whether Temporal was there: one small request does. */
async function reachable(
  connection: ConnectionLike,
  followed: <T>(call: Promise<T>) => Promise<T>,
): Promise<boolean> {
  const info = connection.withDeadline(Date.now() + REACHABLE_MS, () =>
    connection.workflowService.getSystemInfo({}),
  );
  try {
    return (await within(followed(info), REACHABLE_MS)) !== undefined;
  } catch {
    return false;
  }
}
