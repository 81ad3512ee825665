import type { MongoClient } from 'mongodb';
import { createFileKeyProvider, openDatabase, type KeyProvider } from '../store/index.js';
import { ApiRulesReader, type TokenSource } from '../tokens/index.js';
import { createKeySets } from '../oauth/index.js';
import { createAnnounceEvents } from './announce-events.js';
import { createConfigureLifecycle } from './configure-lifecycle.js';
import { createReadConsent, createWakeParked } from './consent-activities.js';
import type { IssueDependencies } from './dependencies.js';
import { createIssueToken } from './issue-token.js';
import { createPlanKeyRotation } from './plan-key-rotation.js';
import { createPostWebhook } from './post-webhook.js';
import { createRedeemAuthorization } from './redeem-authorization.js';
import { createReadLifecycle } from './read-lifecycle.js';
import { createBeginRevocation, createRevokeToken } from './revoke-token.js';
import { createStartDeviceAuthorization } from './start-device-authorization.js';
import { createResealRecords } from './reseal-records.js';
import { tokenActivities, type TokenActivities } from './token-activities.js';

/** Rules of connections kept in memory, and for how long. */
const MAX_RULES = 10_000;
const MAX_AGE_MS = 5_000;
/** How long an authorization server may take to say which keys its ID tokens are signed with. */
const KEY_SET_MS = 5_000;

/** How the callers' activities are made. */
export interface TokenActivitiesOptions {
  /** Where tokens come from; stays the caller's to close. */
  tokens: TokenSource;
  mongodb: MongoClient | string;
  keys: KeyProvider | string;
  /** Aborts when the worker shuts down, so that activities that only wait end at once. */
  shutdown?: AbortSignal | undefined;
}

/**
 * Makes `getAccessToken`, `callApi` and `validateToken` for a worker.
 *
 * @example
 * ```ts
 * const tokens = createTokenSource({ mongodb, keys });
 * await Worker.create({ taskQueue, activities: createTokenActivities({ tokens, mongodb, keys }) });
 * ```
 */
export function createTokenActivities(options: TokenActivitiesOptions): TokenActivities {
  const { tokens, shutdown } = options;
  const keys =
    typeof options.keys === 'string' ? createFileKeyProvider(options.keys) : options.keys;
  const database = openDatabase(options.mongodb);
  const reader = new ApiRulesReader(database, MAX_RULES, MAX_AGE_MS);
  const rules = (connectionId: string) => reader.get(connectionId);
  return tokenActivities({ tokens, database, keys, rules, shutdown });
}

/** The activities that the package's own workflows wait for, on the issue task queue. */
export type IssueActivities = ReturnType<typeof createIssueActivities>;

/** Makes `issueToken`, the lifecycle's store activities, and those of `rotateKeys`. */
export function createIssueActivities(dependencies: IssueDependencies) {
  const keySets = createKeySets({ network: dependencies.network, timeoutMs: KEY_SET_MS });
  const redeemAuthorization = createRedeemAuthorization({ ...dependencies, keySets });
  return {
    redeemAuthorization,
    // The same with a name that says what it does on a device's behalf.
    pollDeviceAuthorization: redeemAuthorization,
    startDeviceAuthorization: createStartDeviceAuthorization(dependencies),
    configureLifecycle: createConfigureLifecycle(dependencies),
    issueToken: createIssueToken(dependencies),
    readLifecycle: createReadLifecycle(dependencies),
    readConsent: createReadConsent(dependencies),
    wakeParked: createWakeParked(dependencies),
    announceEvents: createAnnounceEvents(dependencies),
    postWebhook: createPostWebhook(dependencies),
    beginRevocation: createBeginRevocation(dependencies),
    revokeToken: createRevokeToken(dependencies),
    planKeyRotation: createPlanKeyRotation(dependencies),
    resealRecords: createResealRecords(dependencies),
  };
}
