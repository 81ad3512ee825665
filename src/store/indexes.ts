import type { TokenDatabase } from './database.js';
import { storeOperation } from './errors.js';

/** The indexes beside `_id`, each with its reason. */
export const INDEXES = [
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
    reason: 'pages of connections in one state, for people who look for trouble',
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
] as const;

/**
 * The index of pages by key. Named in the queries: while most records match, the planner takes `_id`,
 * and stays with it when hardly any does.
 */
export const KIDS_INDEX = 'kids_id';

/** Makes the indexes that are missing. Safe to run by many workers at once. */
export async function ensureIndexes(database: TokenDatabase): Promise<void> {
  for (const { collection, name, key } of INDEXES) {
    await storeOperation(`make the index ${collection}.${name}`, () =>
      database[collection].createIndex(key as Record<string, 1>, { name }),
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
