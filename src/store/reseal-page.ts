import type { AnyBulkWriteOperation, Collection } from 'mongodb';
import type { ResealCursor } from '../contract/key-rotation.js';
import { listConnectionsOfKey, readConnections } from './connections.js';
import type { TokenDatabase } from './database.js';
import type { ConnectionDocument, TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';
import { KIDS_INDEX } from './indexes.js';
import { resealConnection, resealToken, type Resealing, type ResealParts } from './reseal.js';

/** What became of the records of a page. */
export interface ResealedPage {
  resealed: number;
  /** Somebody wrote the record meanwhile, which was theirs to do. */
  conflicts: number;
  /** A token request is under way: left alone. */
  busy: number;
  /** Connections with a value that does not open with its key. */
  unreadable: string[];
  /** The last connection id of the page; null: there was none, the place is done. */
  last: string | null;
}

/**
 * Seals a page of records anew that need a stale key, found by index, in the order of their ids.
 *
 * @throws StoreError `key_unavailable`: a key is not in this process; `unavailable`
 */
export function resealPage(
  parts: ResealParts,
  { collection, kid, after }: ResealCursor,
  limit: number,
): Promise<ResealedPage> {
  const page = { kid, after, limit };
  return collection === 'tokens' ? resealTokens(parts, page) : resealConnections(parts, page);
}

interface Page {
  kid: string;
  after: string | null;
  limit: number;
}

async function resealConnections(parts: ResealParts, page: Page): Promise<ResealedPage> {
  const { database } = parts;
  const found = await listConnectionsOfKey(database, page);
  const made = await Promise.all(found.map((read) => resealConnection(parts, read)));
  const last = found.at(-1)?.connection.connectionId ?? null;
  return { ...(await write<ConnectionDocument>(database.connections, made)), busy: 0, last };
}

/** Connections are read after the records: what a `put` in between changes is then a conflict. */
async function resealTokens(parts: ResealParts, page: Page): Promise<ResealedPage> {
  const { database } = parts;
  const found = await listTokensOfKey(database, page);
  const free = found.filter(({ live }) => !live);
  const ids = free.map(({ _id }) => _id);
  const read = ids.length === 0 ? [] : await readConnections(database, ids);
  const connections = new Map(read.map((one) => [one.connectionId, one]));
  const made = await Promise.all(
    free.map((document) => resealToken(parts, document, connections.get(document._id) ?? null)),
  );
  const last = found.at(-1)?._id ?? null;
  const busy = found.length - free.length;
  return { ...(await write<TokenDocument>(database.tokens, made)), busy, last };
}

/** One journalled, acknowledged write for a page: each of its updates compares for itself. */
async function write<T extends { _id: string }>(
  collection: Collection<T>,
  made: Resealing<T>[],
): Promise<Pick<ResealedPage, 'resealed' | 'conflicts' | 'unreadable'>> {
  const readable = made.filter(({ unreadable }) => !unreadable);
  const matched = await writeAll(collection, readable);
  const unreadable: string[] = [];
  for (const one of made.filter((candidate) => candidate.unreadable)) {
    // Only that it is still the record that was read makes it unreadable.
    if ((await writeAll(collection, [one])) === 1) unreadable.push(one.connectionId);
  }
  return {
    resealed: matched,
    conflicts: made.length - matched - unreadable.length,
    unreadable,
  };
}

async function writeAll<T extends { _id: string }>(
  collection: Collection<T>,
  made: Resealing<T>[],
): Promise<number> {
  if (made.length === 0) return 0;
  const updates = made.map(({ filter, set }) => ({ updateOne: { filter, update: { $set: set } } }));
  const { matchedCount } = await storeOperation('seal records anew', () =>
    collection.bulkWrite(updates as AnyBulkWriteOperation<T>[], { ordered: false }),
  );
  return matchedCount;
}

type StaleToken = TokenDocument & { live: boolean };

function listTokensOfKey(
  database: TokenDatabase,
  { kid, after, limit }: Page,
): Promise<StaleToken[]> {
  const live = {
    $and: [{ $ne: ['$attempt', null] }, { $gt: ['$attempt.deadline', '$$NOW'] }],
  };
  return storeOperation('list the token records of a key', () =>
    database.tokens
      .aggregate<StaleToken>(
        [
          { $match: { kids: kid, ...(after === null ? {} : { _id: { $gt: after } }) } },
          { $sort: { _id: 1 } },
          { $limit: limit },
          { $set: { live } },
        ],
        { hint: KIDS_INDEX },
      )
      .toArray(),
  );
}
