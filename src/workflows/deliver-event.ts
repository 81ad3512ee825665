import { proxyActivities, setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import type { IssueActivities } from '../activities/index.js';
import type { DeliverEventInput, TokenEvent } from '../contract/events.js';
import { issueTaskQueue } from '../contract/names.js';
import { DELIVER_OPTIONS } from './options.js';
import { autoUpgrade } from './versioning.js';

type OwnActivities = Record<string, (event: TokenEvent) => Promise<unknown>>;

/**
 * Delivers one event to the deployment's webhook and to an activity of one's own, each tried for days.
 * Workflow id `oauth-event/<connectionId>/<incarnation>.<number>`, so that it is delivered once.
 *
 * @throws ActivityFailure when one of them did not take it in three days
 */
export async function deliverEvent({ event, webhook, activity }: DeliverEventInput): Promise<void> {
  const deliveries: Promise<unknown>[] = [];
  if (webhook) {
    const { postWebhook } = proxyActivities<IssueActivities>({
      ...DELIVER_OPTIONS,
      taskQueue: issueTaskQueue(workflowInfo().taskQueue),
      summary: `webhook: ${event.type}`,
    });
    deliveries.push(postWebhook({ event }));
  }
  if (activity !== null) {
    const { name, taskQueue } = activity;
    const own = proxyActivities<OwnActivities>({
      ...DELIVER_OPTIONS,
      taskQueue,
      summary: event.type,
    });
    const call = own[name];
    if (call !== undefined) deliveries.push(call(event));
  }
  const ends = await Promise.allSettled(deliveries);
  // Each is tried to its end, whatever becomes of the other.
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

setWorkflowOptions(autoUpgrade, deliverEvent);
