import type { Document, Filter } from 'mongodb';
import type { TokenState } from '../contract/messages.js';
import type { InvalidReason } from '../contract/token-record.js';
import type { TokenDatabase } from './database.js';
import type { TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';
import type { SealedValue } from './sealing.js';
import { parentFilter, type Parent } from './token-attempts.js';
import { kidsOf } from './tokens.js';

/** What a token request brought, sealed and ready to be written. */
export interface TokenSet {
  state: TokenState;
  invalid: InvalidReason | null;
  access: SealedValue | null;
  grant: SealedValue | null;
  tokenType: string | null;
  scope: string | null;
  /** The token's lifetime, counted from when the request was sent; null: none known. */
  lifetimeMs: number | null;
  /** How long before expiry a refresh is due, jitter drawn. */
  refreshAheadMs: number;
  refreshTokenLifetimeMs: number | null;
  /** Time since the request was sent, on the sender's monotonic clock. */
  elapsedMs: number;
  attemptId: string;
  sentAt: Date;
  /** When the record was read that the request was planned from (MongoDB's clock). */
  readAt: Date;
  /** Null when the answer was kept but is not trusted. */
  failureType: string | null;
}

/** A configuration that changed after the request was planned: its token is old when it arrives. */
const ifPutSince = (readAt: Date): Document => ({
  $cond: [
    {
      $and: [
        { $eq: ['$invalid.reason', 'configuration_changed'] },
        { $gt: ['$invalid.at', readAt] },
      ],
    },
    '$invalid',
    null,
  ],
});

/**
 * What a commit found: the record holds this attempt's tokens; or those of another request from the
 * same parent that was sent earlier; or it has moved on.
 */
export type CommitResult = 'mine' | 'older_sibling' | 'moved';

/**
 * Step S7: writes the next generation, by compare-and-set on epoch and generation and on nothing
 * else. A late commit is welcome: it is the only copy of a rotated refresh token.
 */
export async function commitTokenSet(
  database: TokenDatabase,
  parent: Parent,
  tokens: TokenSet,
): Promise<CommitResult> {
  const filter = { ...parentFilter(parent), state: ALIVE };
  const set = committedFields(parent, parent.generation + 1, tokens);
  return (await write(database, filter, set)) ? 'mine' : whoWasFirst(database, parent, tokens);
}

/**
 * Rule R8: puts this attempt's tokens in the place of an older sibling's. The authorization server
 * holds the answer to the later request for the current one.
 */
export async function commitOverSibling(
  database: TokenDatabase,
  parent: Parent,
  tokens: TokenSet,
): Promise<CommitResult> {
  const generation = parent.generation + 1;
  const filter: Filter<TokenDocument> = {
    ...parentFilter({ ...parent, generation }),
    state: ALIVE,
    'committed.parentGeneration': parent.generation,
    'committed.sentAt': { $lt: tokens.sentAt },
  };
  const set = committedFields(parent, generation + 1, tokens);
  return (await write(database, filter, set)) ? 'mine' : whoWasFirst(database, parent, tokens);
}

/** A revoked connection takes no more tokens. */
const ALIVE: { $nin: TokenState[] } = { $nin: ['revoking', 'revoked'] };

async function write(
  database: TokenDatabase,
  filter: Filter<TokenDocument>,
  set: Document,
): Promise<boolean> {
  const result = await storeOperation('commit a token', () =>
    database.tokens.updateOne(filter, [{ $set: set }]),
  );
  return result.matchedCount === 1;
}

/** Why nothing was written: a lost acknowledgement, a sibling, or something else. */
async function whoWasFirst(
  database: TokenDatabase,
  { connectionId: _id, incarnation, epoch, generation }: Parent,
  { attemptId, sentAt }: TokenSet,
): Promise<CommitResult> {
  const found = await storeOperation('read back a committed token', () =>
    database.tokens.findOne(
      { _id, incarnation },
      { projection: { epoch: 1, generation: 1, state: 1, committed: 1 } },
    ),
  );
  const committed = found?.committed ?? null;
  if (found === null || committed === null) return 'moved';
  if (committed.attemptId === attemptId) return 'mine';
  const sibling =
    found.epoch === epoch &&
    found.generation === generation + 1 &&
    committed.parentGeneration === generation;
  return sibling && committed.sentAt < sentAt ? 'older_sibling' : 'moved';
}

function committedFields(parent: Parent, generation: number, tokens: TokenSet): Document {
  const sinceSent = (lifetimeMs: number | null): Document | null =>
    lifetimeMs === null ? null : { $add: ['$$NOW', lifetimeMs - tokens.elapsedMs] };
  const { lifetimeMs } = tokens;
  return {
    generation,
    state: tokens.state,
    access: { $literal: tokens.access },
    grant: { $literal: tokens.grant },
    kids: kidsOf(tokens.access, tokens.grant),
    tokenType: { $literal: tokens.tokenType },
    scope: { $literal: tokens.scope },
    issuedAt: { $subtract: ['$$NOW', tokens.elapsedMs] },
    expiresAt: sinceSent(lifetimeMs),
    refreshAfter: sinceSent(lifetimeMs === null ? null : lifetimeMs - tokens.refreshAheadMs),
    lifetimeMs,
    refreshTokenExpiresAt: sinceSent(tokens.refreshTokenLifetimeMs),
    invalid:
      tokens.invalid === null ? ifPutSince(tokens.readAt) : { reason: tokens.invalid, at: '$$NOW' },
    // Only here, not with the intent: whoever looks while the request is under way joins it, and one
    // that failed is repeated by its own pauses.
    rejections: {
      $cond: [
        { $eq: ['$invalid.reason', 'rejected'] },
        { $mergeObjects: ['$rejections', { requestedAt: '$$NOW' }] },
        '$rejections',
      ],
    },
    attempt: null,
    committed: {
      attemptId: tokens.attemptId,
      parentGeneration: parent.generation,
      sentAt: tokens.sentAt,
    },
    unknown: [],
    failures: 0,
    retryAt: null,
    lastOutcome: {
      at: '$$NOW',
      outcome: tokens.failureType === null ? 'issued' : 'failed',
      type: tokens.failureType,
    },
  };
}
