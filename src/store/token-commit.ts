import type { Document, Filter } from 'mongodb';
import type { TokenState } from '../contract/messages.js';
import type { InvalidReason } from '../contract/token-record.js';
import type { TokenDatabase } from './database.js';
import type { TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';
import { FINGERPRINT_KIDS } from './fingerprint.js';
import { replaced } from './pipeline.js';
import { refreshTokenFields } from './refresh-token-fields.js';
import { evidenceAfter } from './rotation-evidence.js';
import type { SealedValue } from './sealing.js';
import { parentFilter, type Parent } from './token-attempts.js';
import { REVOKED_STATES } from './token-revocation.js';
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
  /** Null: not told, and not declared for a new one. */
  refreshTokenLifetimeMs: number | 'never' | null;
  /** After so long without use the refresh token is used again; null: it may lie idle. */
  keepAliveMs: number | null;
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
 * request from the same parent that was sent earlier; or it has moved on. `orphaned`: nobody will ever
 * use these tokens, because the connection is revoked, removed, or of a later epoch; `kept`: their
 * refresh token is among those that the revocation under way revokes.
 */
export type CommitResult =
  | { result: 'mine' | 'moved' }
  | { result: 'older_sibling'; generation: number }
  | { result: 'orphaned'; kept: boolean };

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
const ALIVE: { $nin: TokenState[] } = { $nin: REVOKED_STATES };

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
  if (found === null) return { result: 'orphaned', kept: false };
  const { committed } = found;
  if (committed?.attemptId === attemptId) return MINE;
  if (found.epoch !== epoch || REVOKED_STATES.includes(found.state)) {
    return { result: 'orphaned', kept: await leaveToRevocation(database, parent, unwritten) };
  }
  if (committed === null) return MOVED;
  if (committed.parentGeneration !== generation) return MOVED;
  if (committed.sentAt < sentAt) return { result: 'older_sibling', generation: found.generation };
  await keepAsCandidate(database, { ...parent, generation: found.generation }, unwritten);
  return MOVED;
}

/**
 * Leaves a refresh token that came too late to the revocation under way, which waits for this attempt.
 *
 * @returns whether the revocation has it
 */
async function leaveToRevocation(
  database: TokenDatabase,
  { connectionId: _id, incarnation, epoch }: Parent,
  { tokens, generation }: Unwritten,
): Promise<boolean> {
  const { attemptId, grant } = tokens;
  const own = { $eq: ['$attempt.id', attemptId] };
  const set: Document = { attempt: { $cond: [own, null, '$attempt'] } };
  if (grant !== null) {
    const candidate = { attemptId, grant: { $literal: grant }, generation, at: '$$NOW' };
    set['candidates'] = { $concatArrays: ['$candidates', [candidate]] };
    set['kids'] = { $setUnion: ['$kids', kidsOf(grant)] };
    set['revocation.refreshToken'] = false;
  }
  const result = await storeOperation('leave a late token to its revocation', () =>
    database.tokens.updateOne(
      { _id, incarnation, epoch, state: 'revoking', 'candidates.attemptId': { $ne: attemptId } },
      [{ $set: set }],
    ),
  );
  return result.matchedCount === 1 && grant !== null;
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
    kids: {
      $setUnion: [kidsOf(tokens.access, tokens.grant), ...FINGERPRINT_KIDS],
    },
    tokenType: { $literal: tokens.tokenType },
    scope: { $literal: tokens.scope },
    issuedAt: sent,
    expiresAt: sinceSent(lifetimeMs),
    refreshAfter: sinceSent(lifetimeMs === null ? null : lifetimeMs - tokens.refreshAheadMs),
    lifetimeMs,
    ...refreshTokenFields(tokens, sinceSent),
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
