import type { TokenEvent } from '../contract/events.js';
import { isSignedWith, WEBHOOK_SECRET_RULE, webhookKeyOf } from './signature.js';

/** A webhook as a receiver got it. */
export interface ReceivedWebhook {
  /** Of the request, as Node's `http` or the global `Headers` has them. */
  headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The body exactly as it arrived: parsed and written again it has another signature. */
  body: string | Uint8Array;
  /** The secret of the token deployment's `OAUTH_TOKENS_WEBHOOK_SECRET_FILE`, or several. */
  secret: string | readonly string[];
  /** How old a webhook may be, and how far ahead, in milliseconds. Default 5 minutes. */
  toleranceMs?: number | undefined;
  /** Milliseconds since 1970. Default: now. */
  now?: number | undefined;
}

/** A webhook that is not to be trusted. The message quotes nothing of it. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
  readonly code: 'missing_header' | 'too_old' | 'wrong_signature' | 'not_an_event';

  constructor(code: WebhookVerificationError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

const DEFAULT_TOLERANCE_MS = 5 * 60_000;

/**
 * Checks that a webhook comes from the token deployment and was sent lately, and returns its event.
 * The same event may come again: its `id` says so.
 *
 * @throws WebhookVerificationError when it is not to be trusted; TypeError when `secret` is none
 * @example
 * ```ts
 * const event = verifyWebhook({ headers: request.headers, body: await text(request), secret });
 * if (event.type === 'token.reauthorization_required') await askSomebody(event.subject);
 * ```
 */
export function verifyWebhook(webhook: ReceivedWebhook): TokenEvent {
  const { toleranceMs = DEFAULT_TOLERANCE_MS, now = Date.now() } = webhook;
  const secrets = typeof webhook.secret === 'string' ? [webhook.secret] : webhook.secret;
  const keys = secrets.map((secret) => {
    const key = webhookKeyOf(secret);
    if (key === null) throw new TypeError(`The webhook secret must be ${WEBHOOK_SECRET_RULE}.`);
    return key;
  });
  const id = headerOf(webhook.headers, 'webhook-id');
  const sentAt = headerOf(webhook.headers, 'webhook-timestamp');
  const signatures = headerOf(webhook.headers, 'webhook-signature');
  if (!/^\d{1,12}$/.test(sentAt) || Math.abs(now - Number(sentAt) * 1_000) > toleranceMs) {
    throw new WebhookVerificationError('too_old', 'The webhook was not sent lately.');
  }
  const body = Buffer.from(webhook.body).toString('utf8');
  const message = { id, timestamp: Number(sentAt), body };
  if (!keys.some((key) => isSignedWith(key, message, signatures))) {
    throw new WebhookVerificationError('wrong_signature', 'No signature of the webhook is right.');
  }
  return eventOf(body, id);
}

function headerOf(headers: ReceivedWebhook['headers'], name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  if (typeof value === 'string') return value;
  throw new WebhookVerificationError('missing_header', `The webhook has no ${name} header.`);
}

function eventOf(body: string, id: string): TokenEvent {
  const event = parsed(body);
  const isEvent = typeof event === 'object' && event !== null && 'id' in event;
  if (isEvent && event.id === id) return event as unknown as TokenEvent;
  throw new WebhookVerificationError('not_an_event', 'The webhook is not an event.');
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return null;
  }
}
