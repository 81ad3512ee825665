/**
 * The activities. May import `contract`, `failures`, `tokens`, `oauth`, `store`, `network`. They
 * check their input, act, and turn every error into a failure of the contract's table.
 */
export {
  createIssueActivities,
  createTokenActivities,
  type IssueActivities,
  type TokenActivitiesOptions,
} from './create-activities.js';
export { announce, type AnnounceDependencies } from './announce-events.js';
export type { IssueDependencies } from './dependencies.js';
export type { EventTargets } from './event-targets.js';
export { replayJournal } from './replay-journal.js';
export type { TokenActivities } from './token-activities.js';
