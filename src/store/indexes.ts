import type { CreateIndexesOptions } from 'mongodb';
import type { TokenDatabase } from './database.js';
import { storeOperation } from './errors.js';

/** An index and why it is there. */
export interface Index {
  collection: 'authorizations' | 'connections' | 'parked' | 'tokens';
  name: string;
  key: Record<string, 1>;
  options?: CreateIndexesOptions;
  reason: string;
}

const WEEK_SECONDS = 7 * 24 * 3_600;

/** The indexes beside `_id`, each with its reason. */
export const INDEXES: readonly Index[] = [
  {
    collection: 'tokens',
    name: 'kids_id',
    key: { kids: 1, _id: 1 },
    reason: 'how many records a sealing key still holds, and pages of them to seal with another',
  },
  {
    collection: 'tokens',
    name: 'state_id',
    key: { state: 1, _id: 1 },
    reason: 'pages of connections in one state: for people, and for revocations left under way',
  },
  {
    collection: 'tokens',
    name: 'keepAliveAt_id',
    key: { keepAliveAt: 1, _id: 1 },
    reason: 'refresh tokens that are used again before they expire unused, the most urgent first',
  },
  {
    collection: 'connections',
    name: 'kids_id',
    key: { kids: 1, _id: 1 },
    reason: 'the same for client secrets',
  },
  {
    collection: 'connections',
    name: 'refresh_id',
    key: { 'lifetime.refresh': 1, _id: 1 },
    reason: 'pages of connections that are refreshed ahead, whose lifecycle a worker starts',
  },
  {
    collection: 'authorizations',
    name: 'stateHash',
    key: { stateHash: 1 },
    options: { unique: true, partialFilterExpression: { stateHash: { $type: 'string' } } },
    reason: 'a callback finds its authorization by the hash of its state',
  },
  {
    collection: 'authorizations',
    name: 'purgeAt',
    key: { purgeAt: 1 },
    options: { expireAfterSeconds: 0 },
    reason: 'authorizations are deleted a day after they expire',
  },
  {
    collection: 'authorizations',
    name: 'connectionId',
    key: { connectionId: 1 },
    reason: 'a connection that is removed takes its authorizations with it',
  },
  {
    collection: 'authorizations',
    name: 'kids',
    key: { kids: 1 },
    reason: 'how many authorizations a sealing key still holds, before it is taken away',
  },
  {
    collection: 'parked',
    name: 'connectionId_id',
    key: { connectionId: 1, _id: 1 },
    reason: 'pages of the workflows that a consent wakes',
  },
  {
    collection: 'parked',
    name: 'at',
    key: { at: 1 },
    options: { expireAfterSeconds: WEEK_SECONDS },
    reason: 'whoever waits says so again every five minutes; who has not for a week is gone',
  },
  {
    collection: 'tokens',
    name: 'state_announced',
    key: { state: 1, 'announced.state': 1, _id: 1 },
    reason: 'connections whose state is another one than was told: their event is announced',
  },
  {
    collection: 'tokens',
    name: 'announced_pending',
    key: { 'announced.pending.seq': 1 },
    options: { sparse: true },
    reason: 'events whose delivery a crash kept from beginning',
  },
  {
    collection: 'tokens',
    name: 'refreshTokenExpiresAt_id',
    key: { refreshTokenExpiresAt: 1, _id: 1 },
    reason: 'refresh tokens that end soon, which is told ahead',
  },
];

/**
 * The index of pages by key. Named in the queries: while most records match, the planner takes `_id`,
 * and stays with it when hardly any does.
 */
export const KIDS_INDEX = 'kids_id';

/** Makes the indexes that are missing. Safe to run by many workers at once. */
export async function ensureIndexes(database: TokenDatabase): Promise<void> {
  for (const { collection, name, key, options } of INDEXES) {
    await storeOperation(`make the index ${collection}.${name}`, () =>
      database[collection].createIndex(key, { name, ...options }),
    );
  }
}

/** Names of the indexes that are missing. */
export async function missingIndexes(database: TokenDatabase): Promise<string[]> {
  const missing: string[] = [];
  for (const { collection, name } of INDEXES) {
    const there = await storeOperation(`list the indexes of ${collection}`, () =>
      database[collection]
        .indexExists(name)
        .catch((error: unknown) =>
          isNamespaceNotFound(error) ? false : Promise.reject(error as Error),
        ),
    );
    if (!there) missing.push(`${collection}.${name}`);
  }
  return missing;
}

function isNamespaceNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 26;
}
