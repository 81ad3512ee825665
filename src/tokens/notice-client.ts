import {
  Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { AUTHORIZED_SIGNAL, type AuthorizedSignal } from '../contract/consent-messages.js';
import {
  DELIVER_EVENT_WORKFLOW,
  eventWorkflowId,
  type DeliverEventInput,
} from '../contract/events.js';
import type { ParkedWorkflow } from '../store/index.js';
import type { LifecycleClientOptions } from './lifecycle-client.js';

/** Speaks to the workflows beside the lifecycle: those that wait, and those that deliver events. */
export interface NoticeClient {
  /** Signals `authorized` to a workflow that waits; one that has ended is let be. */
  wake(waiting: ParkedWorkflow, epoch: number): Promise<void>;
  /** Starts the delivery of an event; one that was started before is let be. */
  deliver(input: DeliverEventInput): Promise<void>;
}

const REQUEST_MS = 10_000;

type DeliverEventWorkflow = (input: DeliverEventInput) => Promise<void>;

/** Makes a client of the token deployment with its own data converter. */
export function createNoticeClient(options: LifecycleClientOptions): NoticeClient {
  const { connection, namespace, taskQueue, dataConverter } = options;
  const converter = dataConverter === undefined ? {} : { dataConverter };
  const client = new Client({ connection, namespace, ...converter });
  const soon = <T>(request: () => Promise<T>): Promise<T> =>
    client.withDeadline(Date.now() + REQUEST_MS, request);
  return {
    async wake({ connectionId, workflowId, runId }, epoch) {
      const signal: AuthorizedSignal = { connectionId, epoch };
      try {
        const handle = client.workflow.getHandle(workflowId, runId);
        await soon(() => handle.signal(AUTHORIZED_SIGNAL, signal));
      } catch (error) {
        // It has ended, or has continued as new and registers anew when it waits again.
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
    async deliver(input) {
      const { event } = input;
      try {
        await soon(() =>
          client.workflow.start<DeliverEventWorkflow>(DELIVER_EVENT_WORKFLOW, {
            workflowId: eventWorkflowId(event),
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
            taskQueue,
            args: [input],
            staticSummary: `${event.type} of ${event.subject}`,
          }),
        );
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },
  };
}
