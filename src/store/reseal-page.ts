import type { ResealCursor } from '../contract/key-rotation.js';
import type { ConnectionRecord } from '../contract/connection-record.js';
import { listConnectionsOfKey, readConnections } from './connections.js';
import type { TokenDatabase } from './database.js';
import type { TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';
import { resealConnection, resealToken, type ResealOutcome, type ResealParts } from './reseal.js';

/** What became of the records of a page. */
export interface ResealedPage {
  /** One for each record; `busy`: a token request is under way, so it was left alone. */
  outcomes: { connectionId: string; outcome: ResealOutcome | 'busy' }[];
  /** The last connection id of the page; null: there was none, the place is done. */
  last: string | null;
}

/** Values are opened and sealed by this process; writes wait for a majority of MongoDB's. */
const AT_ONCE = 8;

/**
 * Seals a page of records anew that need a stale key, found by index, in the order of their ids.
 *
 * @throws StoreError `key_unavailable`: a key is not in this process; `unavailable`
 */
export async function resealPage(
  parts: ResealParts,
  { collection, kid, after }: ResealCursor,
  limit: number,
): Promise<ResealedPage> {
  const page = { kid, after, limit };
  const tasks =
    collection === 'tokens'
      ? await tokenTasks(parts, await listTokensOfKey(parts.database, page))
      : (await listConnectionsOfKey(parts.database, page)).map((read) => ({
          connectionId: read.connection.connectionId,
          run: () => resealConnection(parts, read),
        }));
  const outcomes: ResealedPage['outcomes'] = [];
  for (let start = 0; start < tasks.length; start += AT_ONCE) {
    const some = tasks.slice(start, start + AT_ONCE).map(async ({ connectionId, run }) => ({
      connectionId,
      outcome: await run(),
    }));
    outcomes.push(...(await Promise.all(some)));
  }
  return { outcomes, last: tasks.at(-1)?.connectionId ?? null };
}

interface Task {
  connectionId: string;
  run: () => Promise<ResealOutcome | 'busy'>;
}

/** Connections are read after the records: what a `put` in between changes is then a conflict. */
async function tokenTasks(parts: ResealParts, documents: StaleToken[]): Promise<Task[]> {
  const known = new Map<string, ConnectionRecord>();
  for (const read of await readConnections(
    parts.database,
    documents.map(({ _id }) => _id),
  )) {
    known.set(read.connectionId, read);
  }
  return documents.map(({ live, ...document }) => ({
    connectionId: document._id,
    run: () =>
      live
        ? Promise.resolve('busy' as const)
        : resealToken(parts, document, known.get(document._id) ?? null),
  }));
}

type StaleToken = TokenDocument & { live: boolean };

function listTokensOfKey(
  database: TokenDatabase,
  { kid, after, limit }: { kid: string; after: string | null; limit: number },
): Promise<StaleToken[]> {
  return storeOperation('list the token records of a key', () =>
    database.tokens
      .aggregate<StaleToken>([
        { $match: { kids: kid, ...(after === null ? {} : { _id: { $gt: after } }) } },
        { $sort: { _id: 1 } },
        { $limit: limit },
        {
          $set: {
            live: {
              $and: [{ $ne: ['$attempt', null] }, { $gt: ['$attempt.deadline', '$$NOW'] }],
            },
          },
        },
      ])
      .toArray(),
  );
}
