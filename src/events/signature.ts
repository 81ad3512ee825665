import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../secret.js';

/** The headers that a webhook of this package carries (Standard Webhooks 1.0.0). */
export interface WebhookHeaders {
  'webhook-id': string;
  /** Seconds since 1970, as digits. */
  'webhook-timestamp': string;
  /** `v1,` and a base64 HMAC-SHA-256; several with a space between them while secrets change. */
  'webhook-signature': string;
}

const SECRET_FORM = /^whsec_(?<key>[A-Za-z0-9+/]+={0,2})$/;
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

/** What a webhook secret must look like, for error messages. */
export const WEBHOOK_SECRET_RULE =
  'whsec_ and the base64 form of 24 to 64 random bytes (Standard Webhooks)';

/** The key in a webhook secret; null: it is not one. */
export function webhookKeyOf(secret: string): Buffer | null {
  const key = Buffer.from(SECRET_FORM.exec(secret)?.groups?.['key'] ?? '', 'base64');
  return key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES ? key : null;
}

/**
 * Signs a webhook with each secret, so that a receiver may know either while they are exchanged.
 *
 * @param message - the event's id, the time of sending in seconds, and the body as it is sent
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function signWebhook(
  message: { id: string; timestamp: number; body: string },
  secrets: readonly Secret[],
): WebhookHeaders {
  const signatures = secrets.flatMap((secret) => {
    const key = webhookKeyOf(secret.reveal());
    return key === null ? [] : [`v1,${hmac(key, message).toString('base64')}`];
  });
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestamp),
    'webhook-signature': signatures.join(' '),
  };
}

/** Whether one of a webhook's signatures was made with a key; takes the same time either way. */
export function isSignedWith(
  key: Buffer,
  message: { id: string; timestamp: number; body: string },
  signatures: string,
): boolean {
  const expected = hmac(key, message);
  return signatures.split(' ').some((signature) => {
    const [version, given = ''] = signature.split(',', 2);
    const bytes = Buffer.from(given, 'base64');
    return version === 'v1' && bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
}

function hmac(
  key: Buffer,
  { id, timestamp, body }: { id: string; timestamp: number; body: string },
) {
  return createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
}
