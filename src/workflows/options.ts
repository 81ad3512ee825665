import type { ActivityOptions } from '@temporalio/workflow';

/** Every timeout and retry policy of the workflows, each with its reason. Milliseconds. */
export interface WorkflowTimeouts {
  /**
   * How long an `ensureToken` handler that joins waits; then everybody is answered. The first one
   * asks again after 10 s, so no caller of the package waits longer than 20 s, and never more than
   * three questions do.
   */
  joinedWaitMs: number;
  /** Pause of a lifecycle that refreshes by itself after a request that failed for good. */
  afterFailureMs: number;
  /** An `on-demand` lifecycle that nobody needed for so long ends; the next caller starts it again. */
  idleMs: number;
  /** A timer that fires later than this meets many others: they spread out again. */
  lateTimerMs: number;
  /** How far late timers spread. */
  lateSpreadMs: number;
  /** How long `ensureAccessToken` tries when its caller does not say. */
  ensureTimeoutMs: number;
  /** Pause before a revocation that the server refused for good is asked for again; a `put` ends it. */
  revokeAgainMs: number;
  /** How long `revokeConnection` waits when its caller does not say. */
  revokeTimeoutMs: number;
  /** How long `authorizeConnection` waits for a person when its caller does not say. */
  authorizeTimeoutMs: number;
  /** It is woken by a consent; should that be lost, it looks by itself after so long, then later. */
  firstConsentLookMs: number;
  longestConsentLookMs: number;
  /** How long a run that continues as new waits for the token request under way. */
  drainMs: number;
  /** A rotation of keys comes back after this to records that were in use. */
  comeBackMs: number;
}

export const TIMEOUTS: WorkflowTimeouts = {
  joinedWaitMs: 10_000,
  afterFailureMs: 60_000,
  idleMs: 15 * 60_000,
  lateTimerMs: 10_000,
  lateSpreadMs: 60_000,
  ensureTimeoutMs: 24 * 3_600_000,
  revokeAgainMs: 3_600_000,
  revokeTimeoutMs: 7 * 24 * 3_600_000,
  authorizeTimeoutMs: 7 * 24 * 3_600_000,
  firstConsentLookMs: 60_000,
  longestConsentLookMs: 3_600_000,
  drainMs: 30_000,
  comeBackMs: 5_000,
};

/**
 * `issueToken`: an outage is retried for a day (1 s doubling to 60 s; the activity's own
 * `nextRetryDelay` wins, so that `Retry-After` holds). The heartbeat finds a dead worker in 10 s. The
 * activity limits each step itself by the connection's settings; start-to-close is above the longest
 * request; a commit that waits for MongoDB goes on beyond it, and counts. A cancelled one is waited for: it ends between requests, never inside one.
 */
export const ISSUE_OPTIONS = {
  startToCloseTimeout: '6 minutes',
  scheduleToCloseTimeout: '24 hours',
  heartbeatTimeout: '10 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '60 seconds' },
} as const satisfies ActivityOptions;

/** The first attempt of `issueToken`: whoever waits learns of its failure at once. */
export const FIRST_ISSUE_OPTIONS = {
  ...ISSUE_OPTIONS,
  retry: { maximumAttempts: 1 },
} as const satisfies ActivityOptions;

/** Reading the record: quick, and repeated until MongoDB is back. */
export const READ_OPTIONS = {
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
} as const satisfies ActivityOptions;

/** Telling what has changed: nothing waits for it for long. */
export const ANNOUNCE_OPTIONS = {
  ...READ_OPTIONS,
  scheduleToCloseTimeout: '1 minute',
} as const satisfies ActivityOptions;

/**
 * A slice of a rotation of keys takes 10 s and beats with each page; one that finds no key, or no
 * MongoDB, is tried again for as long as it takes, on whatever worker: nothing waits for it but a
 * person. A cancelled one ends after its page.
 */
export const RESEAL_OPTIONS = {
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '10 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 seconds' },
} as const satisfies ActivityOptions;

/** What a rotation of keys has to do: as above, so that soon a worker is asked that has the keys. */
export const PLAN_ROTATION_OPTIONS = {
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 seconds' },
} as const satisfies ActivityOptions;

/**
 * `getAccessToken` for callers: one attempt waits for at most 30 s by itself; an outage is retried
 * until the caller's time is over. The heartbeat finds a dead worker in 10 s.
 */
export const GET_ACCESS_TOKEN_OPTIONS = {
  startToCloseTimeout: '90 seconds',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '60 seconds' },
} as const satisfies ActivityOptions;

/** `callApi` for callers; start-to-close follows from the input's `timeoutMs`. */
export const CALL_API_OPTIONS = {
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '60 seconds' },
} as const satisfies ActivityOptions;

/**
 * `revokeToken`: until the server has answered a token is assumed alive, so it is asked for a week (1 s
 * doubling to 10 min; `Retry-After` as `nextRetryDelay`), and after that again. Start-to-close is above
 * a few of the longest requests; a cancelled one is waited for.
 */
export const REVOKE_OPTIONS = {
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: '7 days',
  heartbeatTimeout: '10 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 minutes' },
} as const satisfies ActivityOptions;

/** The first attempt of `revokeToken`: whoever waits learns of its failure at once. */
export const FIRST_REVOKE_OPTIONS = {
  ...REVOKE_OPTIONS,
  retry: { maximumAttempts: 1 },
} as const satisfies ActivityOptions;

/** `revokeConnection` for callers: one attempt waits for at most 20 s by itself. */
export const REVOKE_CONNECTION_OPTIONS = {
  startToCloseTimeout: '90 seconds',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '60 seconds' },
} as const satisfies ActivityOptions;

/** `startDeviceAuthorization`: one quick request; asking twice costs a user code that nobody enters. */
export const START_DEVICE_OPTIONS = {
  startToCloseTimeout: '3 minutes',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '60 seconds' },
} as const satisfies ActivityOptions;

/**
 * The delivery of an event, to a webhook or to an activity of one's own: whoever receives it may be away
 * for a weekend, and is not to be flooded when back.
 */
export const DELIVER_OPTIONS = {
  startToCloseTimeout: '5 minutes',
  scheduleToCloseTimeout: '3 days',
  retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '1 hour' },
} as const satisfies ActivityOptions;

/**
 * `redeemAuthorization` and `pollDeviceAuthorization`: like `issueToken`; a code is of no use after
 * minutes, and an answer that is stored waits a day for the keys of its ID token.
 */
export const REDEEM_OPTIONS = {
  ...ISSUE_OPTIONS,
  // An answer in memory waits ten minutes for MongoDB, and is the only copy.
  startToCloseTimeout: '13 minutes',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
} as const satisfies ActivityOptions;

/** Those who wait for a consent look by themselves, too: an hour is enough to tell them. */
export const CONSENT_NOTICE_OPTIONS = {
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
} as const satisfies ActivityOptions;
