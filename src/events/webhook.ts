import type { TokenEvent } from '../contract/events.js';
import { networkPolicyErrorOf, type Network } from '../network.js';
import type { Secret } from '../secret.js';
import { signWebhook } from './signature.js';

/** Where events are posted, and what they are signed with. */
export interface Webhook {
  url: string;
  secrets: readonly Secret[];
}

/** A webhook that was not accepted, and what its receiver said of when to come again. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';
  readonly code: 'refused' | 'unreachable';
  /** Null: there was no answer. */
  readonly status: number | null;
  readonly retryAfter: string | undefined;
  /** The receiver's `Date` header. */
  readonly date: string | undefined;

  constructor(status: number | null, headers?: Headers) {
    super(status === null ? 'No answer in time.' : `It answered ${status}.`);
    this.code = status === null ? 'unreachable' : 'refused';
    this.status = status;
    this.retryAfter = headers?.get('retry-after') ?? undefined;
    this.date = headers?.get('date') ?? undefined;
  }
}

const TIMEOUT_MS = 15_000;

/**
 * Posts an event: CloudEvents 1.0 in the structured JSON mode, signed as Standard Webhooks says. A
 * redirect is not followed; any answer but 2xx is a refusal. Each sending is signed anew.
 *
 * @throws WebhookError, NetworkPolicyError
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
 */
export async function postEvent(
  network: Network,
  { url, secrets }: Webhook,
  event: TokenEvent,
): Promise<void> {
  const target = new URL(url);
  network.assertUrlAllowed(target);
  const body = JSON.stringify(event);
  const timestamp = Math.floor(Date.now() / 1_000);
  const { dispatcher } = network;
  const init = {
    method: 'POST',
    headers: {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      ...signWebhook({ id: event.id, timestamp, body }, secrets),
    },
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    dispatcher,
  };
  let response: Response;
  try {
    // Node's `fetch` takes undici's dispatcher; its types are those of another undici version.
    response = await fetch(target, init as unknown as RequestInit);
  } catch (error) {
    throw networkPolicyErrorOf(error) ?? new WebhookError(null);
  }
  // What a receiver says besides its status is of no use, and not read.
  await response.body?.cancel();
  if (!response.ok) throw new WebhookError(response.status, response.headers);
}
