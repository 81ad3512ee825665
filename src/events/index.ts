/**
 * Events as webhooks: signing, posting, and checking what arrived. May import `contract`, `network`,
 * `secret`; knows nothing of Temporal or of the store.
 */
export {
  signWebhook,
  WEBHOOK_SECRET_RULE,
  webhookKeyOf,
  type WebhookHeaders,
} from './signature.js';
export { verifyWebhook, WebhookVerificationError, type ReceivedWebhook } from './verify-webhook.js';
export { postEvent, WebhookError, type Webhook } from './webhook.js';
