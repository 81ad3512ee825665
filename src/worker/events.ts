import type { EventTargets } from '../activities/index.js';
import { EXPIRY_NOTICE_DAYS } from '../contract/events.js';
import { InputError } from '../failures.js';
import type { Network } from '../network.js';
import { readWebhookSecrets } from './webhook-secrets.js';

/** Where a deployment's events go; with neither webhook nor activity nothing is done for them. */
export interface TokenEventsOptions {
  /** Posted to, signed with the secrets in a file, one a line (see docs/events.md). */
  webhook?: { url: string; secretFile: string } | undefined;
  /** Called with each event, on a task queue of one's own. */
  activity?: { name: string; taskQueue: string } | undefined;
  /** How many days ahead the end of a refresh token is told. Default 30, 7 and 1. */
  expiryNoticeDays?: readonly number[] | undefined;
}

/**
 * What the activities need of the options; null: nobody is told.
 *
 * @throws InputError when the secrets cannot be read, or the URL is not allowed
 */
export async function eventTargetsOf(
  options: TokenEventsOptions | undefined,
  deployment: { namespace: string; taskQueue: string; network: Network },
): Promise<EventTargets | null> {
  const { webhook, activity, expiryNoticeDays: noticeDays = EXPIRY_NOTICE_DAYS } = options ?? {};
  if (webhook === undefined && activity === undefined) return null;
  const { namespace, taskQueue } = deployment;
  if (webhook !== undefined) assertWebhookUrl(webhook.url, deployment.network);
  return {
    source: `/temporal-oauth-tokens/${[namespace, taskQueue].map(encodeURIComponent).join('/')}`,
    webhook:
      webhook === undefined
        ? null
        : { url: webhook.url, secrets: await readWebhookSecrets(webhook.secretFile) },
    activity: activity ?? null,
    noticeDays,
  };
}

function assertWebhookUrl(text: string, network: Network): void {
  if (!URL.canParse(text)) throw new InputError('The URL of the webhook is none.');
  try {
    network.assertUrlAllowed(new URL(text));
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    throw new InputError(`The URL of the webhook is not allowed. ${why}`);
  }
}
