import type { Document, Filter } from 'mongodb';
import type { TokenDatabase } from './database.js';
import type { TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';
import { sessionOf } from './transaction.js';

/** How long a refresh token lives, and how long it may lie idle, in milliseconds; null: for ever. */
export interface RefreshTokenClocks {
  /** From when it is put or issued, where the server does not say. */
  expiresInMs: number | null;
  /** Until it is used again so that it does not expire unused. */
  keepAliveMs: number | null;
}

/** The clocks of a refresh token that is put now; all null without one. */
export function clocksFromNow(
  { expiresInMs, keepAliveMs }: RefreshTokenClocks,
  hasGrant: boolean,
): Document {
  const inMs = (ms: number | null): Document | null =>
    ms === null || !hasGrant ? null : { $add: ['$$NOW', ms] };
  return {
    refreshTokenExpiresAt: inMs(expiresInMs),
    refreshTokenLifetimeMs: hasGrant ? expiresInMs : null,
    refreshTokenUsedAt: hasGrant ? '$$NOW' : null,
    keepAliveAt: inMs(keepAliveMs),
  };
}

/** The keep-alive of the refresh token that is there, for a connection that says another idle time. */
export function keepAliveFromLastUse(keepAliveMs: number | null): Document | null {
  if (keepAliveMs === null) return null;
  const usedAt = { $ifNull: ['$refreshTokenUsedAt', { $ifNull: ['$issuedAt', '$$NOW'] }] };
  return { $cond: [{ $eq: ['$grant', null] }, null, { $add: [usedAt, keepAliveMs] }] };
}

/** Starts the clocks of a token document that was just made with a refresh token. */
export async function startRefreshTokenClocks(
  database: TokenDatabase,
  { connectionId, incarnation }: { connectionId: string; incarnation: string },
  clocks: RefreshTokenClocks,
): Promise<void> {
  await storeOperation('start the clocks of a refresh token', () =>
    database.tokens.updateOne(
      { _id: connectionId, incarnation, epoch: 1, generation: 0, grant: { $ne: null } },
      [{ $set: clocksFromNow(clocks, true) }],
      sessionOf(database),
    ),
  );
}

/** Where a page of {@link listKeepAliveDue} begins: after this connection. */
export interface KeepAliveCursor {
  connectionId: string;
  keepAliveAt: Date;
}

/**
 * Connections whose refresh token is to be used now so that it does not expire unused (MongoDB's
 * clock), the most urgent first, at most `limit`.
 */
export async function listKeepAliveDue(
  database: TokenDatabase,
  { limit, after }: { limit: number; after: KeepAliveCursor | null },
): Promise<KeepAliveCursor[]> {
  const filter: Filter<TokenDocument> = {
    keepAliveAt: { $type: 'date' },
    state: { $in: ['active', 'at_risk'] },
  };
  if (after !== null) {
    const { keepAliveAt, connectionId } = after;
    filter.$or = [
      { keepAliveAt: { $gt: keepAliveAt } },
      { keepAliveAt, _id: { $gt: connectionId } },
    ];
  }
  const found = await storeOperation('list refresh tokens that lie idle', () =>
    database.tokens
      .find<{ _id: string; keepAliveAt: Date; now: Date }>(filter, {
        projection: { keepAliveAt: 1, now: '$$NOW' },
      })
      .sort({ keepAliveAt: 1, _id: 1 })
      .limit(limit)
      .toArray(),
  );
  return found
    .filter(({ keepAliveAt, now }) => keepAliveAt <= now)
    .map(({ _id, keepAliveAt }) => ({ connectionId: _id, keepAliveAt }));
}
