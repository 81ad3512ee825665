import type { Document } from 'mongodb';
import type { TokenState } from '../contract/messages.js';
import { NO_EVIDENCE } from '../contract/rotation-profile.js';
import type { InvalidReason, TokenRecord } from '../contract/token-record.js';
import type { TokenDatabase } from './database.js';
import type { TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';
import type { Fingerprint } from './fingerprint.js';
import { replaced } from './pipeline.js';
import type { SealedValue } from './sealing.js';
import type { Parent } from './token-attempts.js';
import { clocksFromNow, keepAliveFromLastUse, type RefreshTokenClocks } from './token-clocks.js';
import { kidsOf } from './tokens.js';
import { sessionOf } from './transaction.js';

/** A token document before anything was issued: `epoch 1, generation 0, active`. */
export function newTokenDocument(
  connectionId: string,
  incarnation: string,
  grant: SealedValue | null,
  refreshTokenFingerprint: Fingerprint | null,
): TokenDocument {
  return {
    _id: connectionId,
    incarnation,
    epoch: 1,
    generation: 0,
    state: 'active',
    access: null,
    grant,
    kids: kidsOf(grant, refreshTokenFingerprint?.digest ?? null),
    tokenType: null,
    scope: null,
    issuedAt: null,
    expiresAt: null,
    refreshAfter: null,
    lifetimeMs: null,
    refreshTokenExpiresAt: null,
    refreshTokenUsedAt: null,
    keepAliveAt: null,
    refreshTokenFingerprint,
    invalid: null,
    attempt: null,
    committed: null,
    unknown: [],
    candidates: [],
    rotationEvidence: NO_EVIDENCE,
    failures: 0,
    retryAt: null,
    lastOutcome: null,
    rejections: null,
    revocation: null,
    supersededAt: null,
    announced: { seq: 0, state: 'active', epoch: 1, expiring: null },
  };
}

/**
 * Makes a connection's token document.
 *
 * @returns false when there is one already
 */
export async function insertToken(
  database: TokenDatabase,
  document: TokenDocument,
): Promise<boolean> {
  const result = await storeOperation('make a token record', () =>
    database.tokens.updateOne(
      { _id: document._id },
      { $setOnInsert: document },
      { upsert: true, ...sessionOf(database) },
    ),
  );
  if (result.upsertedCount === 1) return true;
  const found = await storeOperation('read a token record', () =>
    database.tokens.findOne(
      { _id: document._id },
      { projection: { incarnation: 1 }, ...sessionOf(database) },
    ),
  );
  return found?.incarnation === document.incarnation;
}

/** What putting a connection changes about its tokens. */
export interface PutChange {
  /** Start the next epoch with this grant: what was issued before is not used again. */
  nextEpoch: {
    state: TokenState;
    grant: SealedValue | null;
    refreshTokenFingerprint: Fingerprint | null;
  } | null;
  /** Mark the access token invalid: the configuration it was issued for has changed. */
  invalidate: InvalidReason | null;
  /** How long the refresh token lives and may lie idle, as the connection says now. */
  clocks: RefreshTokenClocks;
}

/**
 * Applies what a `put` changes, by compare-and-set on the record that was read. It always raises
 * `failures` and lifts `retryAt`, `blocked` and `quarantined`, so that the next caller asks anew.
 *
 * @returns false when the record had moved: read again and repeat
 */
export async function applyPut(
  database: TokenDatabase,
  parent: Parent,
  change: PutChange,
): Promise<boolean> {
  const set: Document = {
    failures: { $add: ['$failures', 1] },
    retryAt: null,
    state: {
      $cond: [{ $in: ['$state', ['blocked', 'quarantined']] }, 'active', '$state'],
    },
  };
  if (change.nextEpoch === null) {
    const keepAliveAt = keepAliveFromLastUse(change.clocks.keepAliveMs);
    set['keepAliveAt'] = { $cond: [{ $in: ['$state', ENDED] }, null, keepAliveAt] };
  }
  if (change.invalidate !== null) {
    set['invalid'] = replaced({ reason: change.invalidate, at: '$$NOW' });
  }
  if (change.nextEpoch !== null) {
    const { grant, refreshTokenFingerprint } = change.nextEpoch;
    Object.assign(set, {
      epoch: parent.epoch + 1,
      state: change.nextEpoch.state,
      access: null,
      grant: { $literal: grant },
      kids: kidsOf(grant, refreshTokenFingerprint?.digest ?? null),
      refreshTokenFingerprint: { $literal: refreshTokenFingerprint },
      // Whoever puts another grant says anew whose it is.
      consent: null,
      ...clocksFromNow(change.clocks, grant !== null),
      expiresAt: null,
      refreshAfter: null,
      invalid: null,
      attempt: null,
      unknown: [],
      candidates: [],
      rejections: null,
      revocation: null,
      supersededAt: '$$NOW',
    });
  }
  const result = await storeOperation('change a token record', () =>
    database.tokens.updateOne(
      {
        _id: parent.connectionId,
        incarnation: parent.incarnation,
        epoch: parent.epoch,
        generation: parent.generation,
      },
      [{ $set: set }],
      sessionOf(database),
    ),
  );
  return result.matchedCount === 1;
}

/** A refresh token that is of no use is not kept alive. */
const ENDED: TokenState[] = ['reauthorization_required', 'revoking', 'revoked'];

/** Ids of the connections after `after` whose lifecycle refreshes ahead, in order, at most `limit`. */
export async function listAheadConnections(
  database: TokenDatabase,
  page: { limit: number; after: string | null },
): Promise<string[]> {
  const documents = await storeOperation('list connections refreshed ahead', () =>
    database.connections
      .find(
        {
          'lifetime.refresh': 'ahead',
          ...(page.after === null ? {} : { _id: { $gt: page.after } }),
        },
        { projection: { _id: 1 } },
      )
      .sort({ _id: 1 })
      .limit(page.limit)
      .toArray(),
  );
  return documents.map((document) => document._id);
}

/** Deletes a token document. */
export async function deleteToken(database: TokenDatabase, record: TokenRecord): Promise<boolean> {
  const { connectionId: _id, incarnation } = record;
  const result = await storeOperation('delete a token record', () =>
    database.tokens.deleteOne({ _id, incarnation }, sessionOf(database)),
  );
  return result.deletedCount === 1;
}
