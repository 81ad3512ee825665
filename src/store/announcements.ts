import type { Document, Filter } from 'mongodb';
import {
  firstAnnounced,
  type Announced,
  type EventRecord,
  type NumberedEvent,
  type ToldState,
} from '../contract/events.js';
import type { TokenDatabase } from './database.js';
import type { TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';

/** `announced` of a token document: what was told, and events whose delivery has not begun. */
export interface AnnouncedDocument {
  seq: number;
  state: ToldState;
  epoch: number;
  expiring: { expiresAt: Date; days: number } | null;
  /** Missing when there are none, so that its index holds only those that wait. */
  pending?: NumberedEvent[];
}

/** A record as events are made from it. */
export interface ReadAnnounced {
  record: EventRecord;
  incarnation: string;
  announced: Announced;
  /** Events whose delivery may not have begun. */
  pending: NumberedEvent[];
}

const PROJECTION: Document = {
  ...{ incarnation: 1, epoch: 1, generation: 1, state: 1, invalid: 1, lastOutcome: 1 },
  ...{ refreshTokenExpiresAt: 1, refreshTokenLifetimeMs: 1, announced: 1 },
  hasAccessToken: { $ne: ['$access', null] },
  hasRefreshToken: { $ne: ['$grant', null] },
  now: '$$NOW',
};

type ProjectedDocument = Omit<TokenDocument, 'access' | 'grant'> & {
  hasAccessToken: boolean;
  hasRefreshToken: boolean;
  now: Date;
};

/** Reads what was told of a connection, and its record as it is; null: there is none. */
export async function readAnnounced(
  database: TokenDatabase,
  connectionId: string,
): Promise<ReadAnnounced | null> {
  const document = await storeOperation('read what was told of a connection', () =>
    database.tokens.findOne<ProjectedDocument>({ _id: connectionId }, { projection: PROJECTION }),
  );
  return document === null ? null : fromDocument(document);
}

function fromDocument(document: ProjectedDocument): ReadAnnounced {
  const { _id, incarnation, epoch, generation, state, announced, lastOutcome, invalid } = document;
  const { hasAccessToken, hasRefreshToken, refreshTokenExpiresAt } = document;
  const expiring = announced?.expiring ?? null;
  return {
    record: {
      ...{ connectionId: _id, epoch, generation, state, hasAccessToken, hasRefreshToken },
      invalid: invalid === null ? null : { reason: invalid.reason, at: invalid.at.getTime() },
      lastOutcome:
        lastOutcome === null
          ? null
          : { at: lastOutcome.at.getTime(), outcome: lastOutcome.outcome, type: lastOutcome.type },
      refreshTokenExpiresAt: refreshTokenExpiresAt?.getTime() ?? null,
      refreshTokenLifetimeMs: document.refreshTokenLifetimeMs ?? null,
      now: document.now.getTime(),
    },
    incarnation,
    announced:
      announced === undefined
        ? firstAnnounced({ epoch })
        : {
            ...{ seq: announced.seq, state: announced.state, epoch: announced.epoch },
            expiring:
              expiring === null
                ? null
                : { expiresAt: expiring.expiresAt.getTime(), days: expiring.days },
          },
    pending: announced?.pending ?? [],
  };
}

/**
 * Writes down that events are told, together with the events, before their delivery begins: whoever
 * comes after a crash delivers them. By compare-and-set on all that they were made from.
 *
 * @returns false when the record had moved: read again and repeat
 */
export async function writeAnnounced(
  database: TokenDatabase,
  { record, incarnation, announced: before }: ReadAnnounced,
  { events, announced }: { events: readonly NumberedEvent[]; announced: Announced },
): Promise<boolean> {
  const { connectionId: _id, epoch, generation, state, refreshTokenExpiresAt } = record;
  const { seq, expiring } = announced;
  const filter: Filter<TokenDocument> = {
    ...{ _id, incarnation, epoch, generation, state },
    refreshTokenExpiresAt: refreshTokenExpiresAt === null ? null : new Date(refreshTokenExpiresAt),
    // A record of an earlier version has none.
    'announced.seq': before.seq === 0 ? { $in: [0, null] } : before.seq,
  };
  const result = await storeOperation('write down what is told of a connection', () =>
    database.tokens.updateOne(filter, {
      $set: {
        'announced.seq': seq,
        'announced.state': announced.state,
        'announced.epoch': announced.epoch,
        'announced.expiring':
          expiring === null
            ? null
            : { expiresAt: new Date(expiring.expiresAt), days: expiring.days },
      },
      $push: { 'announced.pending': { $each: [...events] } },
    }),
  );
  return result.matchedCount === 1;
}

/** Writes down that the delivery of the events up to a number has begun. */
export async function clearPending(
  database: TokenDatabase,
  { record, incarnation }: ReadAnnounced,
  upTo: number,
): Promise<void> {
  const rest = {
    $filter: { input: '$announced.pending', cond: { $gt: ['$$this.seq', upTo] } },
  };
  await storeOperation('write down that events are on their way', () =>
    database.tokens.updateOne(
      { _id: record.connectionId, incarnation, 'announced.pending.seq': { $exists: true } },
      [
        {
          $set: {
            'announced.pending': { $cond: [{ $eq: [rest, []] }, '$$REMOVE', rest] },
          },
        },
      ],
    ),
  );
}

const TOLD: readonly ToldState[] = ['active', 'at_risk', 'reauthorization_required', 'revoked'];

/** A page of a search for connections of which something may be untold. */
export interface UntoldPage {
  limit: number;
  after: string | null;
}

/**
 * Connections of which an event may be untold: their state is another one than was told, or events
 * wait for their delivery. Each search is by an index that holds little else.
 */
export async function listUntold(database: TokenDatabase, page: UntoldPage): Promise<string[]> {
  const moved = TOLD.map((state): Document => {
    const others: (ToldState | null)[] = TOLD.filter((told) => told !== state);
    // A record of an earlier version was told nothing of, which is as if it were active.
    if (state !== 'active') others.push(null);
    return { state, 'announced.state': { $in: others } };
  });
  return idsOf(database, { $or: [...moved, { 'announced.pending.seq': { $exists: true } }] }, page);
}

/** Connections whose refresh token ends between two times, in milliseconds from now. */
export async function listEnding(
  database: TokenDatabase,
  { fromMs, untilMs }: { fromMs: number; untilMs: number },
  page: UntoldPage,
): Promise<string[]> {
  const at = (inMs: number): Document => ({ $add: ['$$NOW', inMs] });
  const ends = '$refreshTokenExpiresAt';
  return idsOf(
    database,
    { $expr: { $and: [{ $gt: [ends, at(fromMs)] }, { $lte: [ends, at(untilMs)] }] } },
    page,
  );
}

async function idsOf(
  database: TokenDatabase,
  filter: Document,
  { limit, after }: UntoldPage,
): Promise<string[]> {
  const further = after === null ? {} : { _id: { $gt: after } };
  const documents = await storeOperation('list connections of which something is untold', () =>
    database.tokens
      .find({ ...filter, ...further } as Filter<TokenDocument>, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray(),
  );
  return documents.map(({ _id }) => _id);
}
