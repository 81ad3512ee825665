import type { TokenEvent } from '../contract/events.js';
import { postEvent, WebhookError } from '../events/index.js';
import { failure, toFailure } from '../failures.js';
import { parseRetryAfter } from '../oauth/index.js';
import type { IssueDependencies } from './dependencies.js';

/** Input of the activity `postWebhook`. */
export interface PostWebhookInput {
  event: TokenEvent;
}

/**
 * Makes the activity that posts an event to the deployment's webhook. Run twice, the receiver gets the
 * event twice, with the same id.
 *
 * @throws ApplicationFailure `Event.not_delivered`, retried; `Policy.network_not_allowed`
 */
export function createPostWebhook({ events, network }: IssueDependencies) {
  return async function postWebhook({ event }: PostWebhookInput): Promise<void> {
    const connectionId = event.subject;
    const webhook = events?.webhook ?? null;
    if (webhook === null) {
      const detail = 'This worker has no webhook.';
      throw failure('Event.not_delivered', { connectionId, detail });
    }
    try {
      await postEvent(network, webhook, event);
    } catch (error) {
      if (!(error instanceof WebhookError)) throw toFailure(error, { connectionId });
      const { status, retryAfter, date } = error;
      const nextRetryDelayMs =
        parseRetryAfter({ retryAfter, date, nowMs: Date.now() }) ?? undefined;
      const detail = status === null ? 'No answer in time.' : `(HTTP ${status})`;
      throw failure('Event.not_delivered', { connectionId, detail, nextRetryDelayMs });
    }
  };
}
