import type { TokenDatabase } from './database.js';
import { storeOperation } from './errors.js';

/** How many records need the key of an id. */
export function countRecordsOfKey(database: TokenDatabase, kid: string): Promise<number> {
  return countRecordsOfKeys(database, [kid]);
}

/** How many records need one of several keys, each counted once. */
export async function countRecordsOfKeys(database: TokenDatabase, kids: string[]): Promise<number> {
  const filter = { kids: { $in: kids } };
  const counts = await storeOperation('count the records of a key', () =>
    Promise.all([
      database.tokens.countDocuments(filter),
      database.connections.countDocuments(filter),
      database.authorizations.countDocuments(filter),
    ]),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Ids of every key that a record names. */
export async function kidsInUse(database: TokenDatabase): Promise<string[]> {
  const used = await storeOperation('list the keys in use', () =>
    Promise.all([
      database.tokens.distinct('kids'),
      database.connections.distinct('kids'),
      database.authorizations.distinct('kids'),
    ]),
  );
  // Documents without a key come out as null.
  const kids = new Set<unknown>(used.flat());
  return [...kids].filter((kid) => typeof kid === 'string');
}
