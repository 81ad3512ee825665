import type { Webhook } from '../events/index.js';

/** Where a deployment's events go, and which. */
export interface EventTargets {
  /** `source` of the events: the deployment. */
  source: string;
  /** Null: no webhook. */
  webhook: Webhook | null;
  /** An activity of one's own; null: none. */
  activity: { name: string; taskQueue: string } | null;
  /** How many days ahead the end of a refresh token is told. */
  noticeDays: readonly number[];
}
