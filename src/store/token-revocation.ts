import type { Document, Filter } from 'mongodb';
import type { Revoked, TokenState } from '../contract/messages.js';
import type { InvalidReason, TokenRecord } from '../contract/token-record.js';
import type { TokenDatabase } from './database.js';
import type { TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';
import { FINGERPRINT_KIDS } from './fingerprint.js';
import { replaced } from './pipeline.js';

/** States in which a record takes no more tokens. */
export const REVOKED_STATES: TokenState[] = ['revoking', 'revoked'];

/** The authorization whose tokens are revoked; a later consent is another one. */
export type RevokedEpoch = Pick<TokenRecord, 'connectionId' | 'incarnation' | 'epoch'>;

const revokingFilter = ({
  connectionId,
  incarnation,
  epoch,
}: RevokedEpoch): Filter<TokenDocument> => ({
  _id: connectionId,
  incarnation,
  epoch,
  state: 'revoking',
});

/**
 * Says that the tokens of an epoch are to be revoked: from now on nobody gets them and no commit lands.
 * An attempt under way stays written down, because its answer has to be revoked as well.
 *
 * @returns whether this call wrote it; false: it is said already, or the epoch has moved
 */
export async function beginRevocation(
  database: TokenDatabase,
  { connectionId: _id, incarnation, epoch }: RevokedEpoch,
): Promise<boolean> {
  const pendingIf = (isThere: Document): Document => ({ $cond: [isThere, false, null] });
  const hasRefreshToken = { $or: [{ $ne: ['$grant', null] }, { $ne: ['$candidates', []] }] };
  const result = await storeOperation('begin a revocation', () =>
    database.tokens.updateOne({ _id, incarnation, epoch, state: { $nin: REVOKED_STATES } }, [
      {
        $set: {
          state: 'revoking',
          failures: { $add: ['$failures', 1] },
          retryAt: null,
          keepAliveAt: null,
          supersededAt: '$$NOW',
          revocation: replaced({
            requestedAt: '$$NOW',
            endedAt: null,
            refreshToken: pendingIf(hasRefreshToken),
            accessToken: pendingIf({ $ne: ['$access', null] }),
          }),
        },
      },
    ]),
  );
  return result.modifiedCount === 1;
}

/** What the authorization server said of tokens, which are erased with it. */
export type RevocationProgress =
  | { accessToken: Revoked }
  /** `candidates`: the siblings whose refresh tokens were revoked with the record's own. */
  | { refreshToken: Revoked; candidates: string[] };

/** Records what was revoked and erases it. Safe to repeat. */
export async function recordRevoked(
  database: TokenDatabase,
  epoch: RevokedEpoch,
  progress: RevocationProgress,
): Promise<void> {
  const set: Document =
    'accessToken' in progress
      ? { access: null, 'revocation.accessToken': progress.accessToken }
      : {
          grant: null,
          'revocation.refreshToken': progress.refreshToken,
          candidates: {
            $filter: {
              input: '$candidates',
              cond: { $not: [{ $in: ['$$this.attemptId', progress.candidates] }] },
            },
          },
        };
  await storeOperation('record a revocation', () =>
    database.tokens.updateOne(revokingFilter(epoch), [{ $set: set }]),
  );
}

/** Records that the authorization server has not revoked, and when it is asked again. */
export async function recordRevocationFailure(
  database: TokenDatabase,
  epoch: RevokedEpoch,
  { type, retryInMs }: { type: string; retryInMs: number | null },
): Promise<void> {
  const set: Document = {
    failures: { $add: ['$failures', 1] },
    retryAt: retryInMs === null ? null : { $add: ['$$NOW', retryInMs] },
    lastOutcome: replaced({ at: '$$NOW', outcome: 'failed', type }),
  };
  await storeOperation('record a failed revocation', () =>
    database.tokens.updateOne(revokingFilter(epoch), [{ $set: set }]),
  );
}

/**
 * Ends a revocation once nothing is left to revoke: no sealed member, and no token request whose
 * answer may still come.
 *
 * @returns whether it is ended
 */
export async function endRevocation(
  database: TokenDatabase,
  epoch: RevokedEpoch,
): Promise<boolean> {
  const result = await storeOperation('end a revocation', () =>
    database.tokens.updateOne(
      {
        ...revokingFilter(epoch),
        ...{ access: null, grant: null, candidates: [] },
        $expr: { $lte: [{ $ifNull: ['$attempt.deadline', '$$NOW'] }, '$$NOW'] },
      },
      [
        {
          $set: {
            state: 'revoked',
            // Who consented, and what was imported, stays known.
            kids: { $setUnion: [[], ...FINGERPRINT_KIDS] },
            attempt: null,
            unknown: [],
            failures: { $add: ['$failures', 1] },
            retryAt: null,
            lastOutcome: null,
            'revocation.endedAt': '$$NOW',
          },
        },
      ],
    ),
  );
  return result.modifiedCount === 1;
}

/** A connection whose revocation is under way. */
export interface RevokingConnection {
  connectionId: string;
  /** The authorization server has not answered since it was asked for: perhaps nobody knows of it. */
  untold: boolean;
}

/** Connections after `after` whose revocation is under way, in order, at most `limit`. */
export async function listRevokingConnections(
  database: TokenDatabase,
  { limit, after }: { limit: number; after: string | null },
): Promise<RevokingConnection[]> {
  const documents = await storeOperation('list revocations under way', () =>
    database.tokens
      .find(
        { state: 'revoking', ...(after === null ? {} : { _id: { $gt: after } }) },
        { projection: { lastOutcome: 1, revocation: 1 } },
      )
      .sort({ _id: 1 })
      .limit(limit)
      .toArray(),
  );
  return documents.map(({ _id, lastOutcome, revocation }) => ({
    connectionId: _id,
    untold: (lastOutcome?.at.getTime() ?? 0) < (revocation?.requestedAt.getTime() ?? 0),
  }));
}

/**
 * Marks the generation that was read invalid, so that the next caller has another one issued.
 *
 * @returns whether this call wrote it
 */
export async function invalidateGeneration(
  database: TokenDatabase,
  { connectionId: _id, incarnation, epoch, generation }: TokenRecord,
  reason: InvalidReason,
): Promise<boolean> {
  const result = await storeOperation('mark a token invalid', () =>
    database.tokens.updateOne({ _id, incarnation, epoch, generation, invalid: null }, [
      {
        $set: {
          invalid: replaced({ reason, at: '$$NOW' }),
          failures: { $add: ['$failures', 1] },
        },
      },
    ]),
  );
  return result.modifiedCount === 1;
}
