import type { Document, Filter } from 'mongodb';
import type { TokenState } from '../contract/messages.js';
import type { RotationEvidence } from '../contract/rotation-profile.js';
import type { InvalidReason } from '../contract/token-record.js';
import type { TokenDatabase } from './database.js';
import type { TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';
import { replaced } from './pipeline.js';
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
  /** When the intent was written (MongoDB's clock). */
  sentAt: Date;
  /** At least so long after the intent was the request sent, on the sender's monotonic clock. */
  sentAfterMs: number;
  /** When the record was read that the request was planned from (MongoDB's clock). */
  readAt: Date;
  /** Null when the answer was kept but is not trusted. */
  failureType: string | null;
  /** Keep the refresh token of a sibling, to be tried when the one in its place is refused. */
  keepsSiblings: boolean;
  /** What came back for a refresh token; null: none was sent. */
  rotated: 'same_token' | 'new_token' | null;
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
 * What a commit found: the record holds this attempt's tokens; or, as `generation`, those of another
 * request from the same parent that was sent earlier; or it has moved on.
 */
export type CommitResult =
  { result: 'mine' | 'moved' } | { result: 'older_sibling'; generation: number };

const MINE: CommitResult = { result: 'mine' };
const MOVED: CommitResult = { result: 'moved' };

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
  const generation = parent.generation + 1;
  const set = { ...committedFields(parent, generation, tokens), candidates: [] };
  if (await write(database, filter, set)) return MINE;
  return whoWasFirst(database, parent, { tokens, generation });
}

/**
 * Rule R8: puts this attempt's tokens in the place of an older sibling's. The authorization server
 * holds the answer to the later request for the current one; the older refresh token is kept aside.
 *
 * @param generation - the older sibling's; these tokens are sealed for the one after it
 */
export async function commitOverSibling(
  database: TokenDatabase,
  parent: Parent,
  tokens: TokenSet,
  generation: number,
): Promise<CommitResult> {
  const filter: Filter<TokenDocument> = {
    ...parentFilter({ ...parent, generation }),
    state: ALIVE,
    'committed.parentGeneration': parent.generation,
    'committed.sentAt': { $lt: tokens.sentAt },
  };
  const set = committedFields(parent, generation + 1, tokens);
  if (tokens.keepsSiblings) {
    set['candidates'] = {
      $concatArrays: ['$candidates', { $cond: [{ $eq: ['$grant', null] }, [], [REPLACED]] }],
    };
    set['kids'] = { $setUnion: ['$kids', kidsOf(tokens.access, tokens.grant)] };
  }
  if (await write(database, filter, set)) return MINE;
  return whoWasFirst(database, parent, { tokens, generation: generation + 1 });
}

const REPLACED: Document = {
  attemptId: '$committed.attemptId',
  grant: '$grant',
  generation: '$generation',
  at: '$$NOW',
};

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

/** Tokens that could not be written, sealed for `generation`. */
interface Unwritten {
  tokens: TokenSet;
  generation: number;
}

/** Why nothing was written: a lost acknowledgement, a sibling, or something else. */
async function whoWasFirst(
  database: TokenDatabase,
  parent: Parent,
  unwritten: Unwritten,
): Promise<CommitResult> {
  const { connectionId: _id, incarnation, epoch, generation } = parent;
  const { attemptId, sentAt } = unwritten.tokens;
  const found = await storeOperation('read back a committed token', () =>
    database.tokens.findOne(
      { _id, incarnation },
      { projection: { epoch: 1, generation: 1, state: 1, committed: 1 } },
    ),
  );
  const committed = found?.committed ?? null;
  if (found === null || committed === null) return MOVED;
  if (committed.attemptId === attemptId) return MINE;
  if (found.epoch !== epoch || committed.parentGeneration !== generation) return MOVED;
  if (committed.sentAt < sentAt) return { result: 'older_sibling', generation: found.generation };
  await keepAsCandidate(database, { ...parent, generation: found.generation }, unwritten);
  return MOVED;
}

/**
 * Rule R8 for an answer whose sibling was sent later: its refresh token is kept aside. When the
 * sibling's was refused meanwhile it brings the record back (rule R9).
 */
async function keepAsCandidate(
  database: TokenDatabase,
  current: Parent,
  { tokens, generation }: Unwritten,
): Promise<void> {
  const { attemptId, grant, keepsSiblings } = tokens;
  if (grant === null || !keepsSiblings) return;
  const candidate = { attemptId, grant: { $literal: grant }, generation, at: '$$NOW' };
  const isDead = { $eq: ['$state', 'reauthorization_required'] };
  await storeOperation('keep the refresh token of a sibling', () =>
    database.tokens.updateOne(
      { ...parentFilter(current), state: ALIVE, 'candidates.attemptId': { $ne: attemptId } },
      [
        {
          $set: {
            candidates: { $concatArrays: ['$candidates', [candidate]] },
            kids: { $setUnion: ['$kids', kidsOf(grant)] },
            state: { $cond: [isDead, 'at_risk', '$state'] },
            failures: { $cond: [isDead, { $add: ['$failures', 1] }, '$failures'] },
          },
        },
      ],
    ),
  );
}

function committedFields(parent: Parent, generation: number, tokens: TokenSet): Document {
  const sent = whenSent(tokens);
  const sinceSent = (lifetimeMs: number | null): Document | null =>
    lifetimeMs === null ? null : { $add: [sent, lifetimeMs] };
  const { lifetimeMs } = tokens;
  return {
    generation,
    state: tokens.state,
    access: { $literal: tokens.access },
    grant: { $literal: tokens.grant },
    kids: kidsOf(tokens.access, tokens.grant),
    tokenType: { $literal: tokens.tokenType },
    scope: { $literal: tokens.scope },
    issuedAt: sent,
    expiresAt: sinceSent(lifetimeMs),
    refreshAfter: sinceSent(lifetimeMs === null ? null : lifetimeMs - tokens.refreshAheadMs),
    lifetimeMs,
    refreshTokenExpiresAt:
      tokens.refreshTokenLifetimeMs === null && tokens.rotated === 'same_token'
        ? '$refreshTokenExpiresAt'
        : sinceSent(tokens.refreshTokenLifetimeMs),
    invalid:
      tokens.invalid === null
        ? ifPutSince(tokens.readAt)
        : replaced({ reason: tokens.invalid, at: '$$NOW' }),
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
    committed: replaced({
      attemptId: tokens.attemptId,
      parentGeneration: parent.generation,
      sentAt: tokens.sentAt,
    }),
    rotationEvidence: evidenceAfter(tokens),
    unknown: [],
    failures: 0,
    retryAt: null,
    lastOutcome: replaced({
      at: '$$NOW',
      outcome: tokens.failureType === null ? 'issued' : 'failed',
      type: tokens.failureType,
    }),
  };
}

/**
 * When the request was sent, by MongoDB's clock, never too late: not later than it was after the
 * intent, however long this write is on its way.
 */
const whenSent = ({ elapsedMs, sentAt, sentAfterMs }: TokenSet): Document => ({
  $min: [{ $subtract: ['$$NOW', elapsedMs] }, { $add: [sentAt, sentAfterMs] }],
});

/** What the answer says about how the server rotates, added to what was seen before. */
function evidenceAfter({ rotated, sentAt }: TokenSet): Document {
  const counted = (name: keyof RotationEvidence, more: Document | number): Document => ({
    $add: [{ $ifNull: [`$rotationEvidence.${name}`, 0] }, more],
  });
  // Its own entry, written by whoever took it for dead, is a later one.
  const before = { $filter: { input: '$unknown', cond: { $lte: ['$$this.at', sentAt] } } };
  return {
    sameTokenReturned: counted('sameTokenReturned', rotated === 'same_token' ? 1 : 0),
    newTokenReturned: counted('newTokenReturned', rotated === 'new_token' ? 1 : 0),
    oldTokenAcceptedAfterUnknown: counted(
      'oldTokenAcceptedAfterUnknown',
      rotated === null ? 0 : { $cond: [{ $eq: [before, []] }, 0, 1] },
    ),
  };
}
