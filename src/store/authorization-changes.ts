import type { Document, Filter } from 'mongodb';
import type { AuthorizationRecord } from '../contract/authorization-record.js';
import type { AuthorizationDocument } from './authorizations.js';
import type { TokenDatabase } from './database.js';
import { storeOperation } from './errors.js';
import { replaced } from './pipeline.js';
import type { SealedValue } from './sealing.js';
import { kidsOf } from './tokens.js';
import { sessionOf } from './transaction.js';

/** An authorization as it was read: what every write compares. */
type AsRead = Pick<
  AuthorizationRecord,
  'authorizationId' | 'phase' | 'attempt' | 'unknown' | 'pollAfter'
>;

/** A request that somebody made and ended meanwhile shows in `unknown` or `pollAfter` at least. */
const asRead = ({
  authorizationId: _id,
  phase,
  attempt,
  unknown,
  pollAfter,
}: AsRead): Filter<AuthorizationDocument> => ({
  ...{ _id, phase, unknown },
  pollAfter: pollAfter === null ? null : new Date(pollAfter),
  ...(attempt === null ? { attempt: null } : { 'attempt.id': attempt.id }),
});

const ofAttempt = (_id: string, attemptId: string): Filter<AuthorizationDocument> => ({
  ...{ _id, phase: 'redeeming', 'attempt.id': attemptId },
});

/**
 * Keeps the code that came back, once.
 *
 * @returns false when the authorization is not pending any more, or has expired
 */
export async function receiveCode(
  database: TokenDatabase,
  authorizationId: string,
  code: SealedValue,
): Promise<boolean> {
  const filter: Filter<AuthorizationDocument> = {
    ...{ _id: authorizationId, phase: 'pending' },
    $expr: { $gt: ['$expiresAt', '$$NOW'] },
  };
  const set = {
    ...{ phase: 'received', receivedAt: '$$NOW', code: { $literal: code } },
    kids: { $setUnion: ['$kids', kidsOf(code)] },
  };
  return update(database, 'keep an authorization code', { filter, set });
}

/** The intent of a token request with an authorization's code. */
export interface BeginRedemption {
  attemptId: string;
  worker: string;
  /** How long nobody else may send, in milliseconds. */
  budgetMs: number;
}

/**
 * Writes the intent before anything is sent; an attempt whose owner is taken for dead is replaced,
 * and counted among the unknown outcomes.
 *
 * @returns when it was written (MongoDB's clock); null: somebody else was first
 */
export async function beginRedemption(
  database: TokenDatabase,
  record: AsRead,
  { attemptId, worker, budgetMs }: BeginRedemption,
): Promise<{ sentAt: Date } | null> {
  const attempt = replaced({
    ...{ id: attemptId, worker: { $literal: worker } },
    ...{ sentAt: '$$NOW', deadline: { $add: ['$$NOW', budgetMs] } },
  });
  const filter = asRead(record);
  const set: Document = { phase: 'redeeming', attempt };
  if (record.attempt !== null) set['unknown'] = { $add: ['$unknown', 1] };
  await update(database, 'write the intent of a redemption', { filter, set });
  // Also where the write was repeated after its first answer was lost: then it is ours.
  const found = await storeOperation('read the intent of a redemption', () =>
    database.authorizations.findOne(
      { _id: record.authorizationId, phase: 'redeeming', 'attempt.id': attemptId },
      { projection: { attempt: 1 } },
    ),
  );
  return found?.attempt ? { sentAt: found.attempt.sentAt } : null;
}

/**
 * Keeps the token endpoint's answer before it is judged; the code has served. Of an attempt that was
 * taken for dead as well: its answer is worth more than the next try.
 */
export async function storeAnswer(
  database: TokenDatabase,
  authorizationId: string,
  { answer, attempt }: { answer: SealedValue; attempt: { id: string; sentAt: Date } },
): Promise<boolean> {
  const filter: Filter<AuthorizationDocument> = { _id: authorizationId, phase: 'redeeming' };
  const set = {
    ...{ phase: 'captured', answer: { $literal: answer }, code: null },
    attempt: { $mergeObjects: ['$attempt', { id: attempt.id, sentAt: attempt.sentAt }] },
    kids: { $setUnion: ['$kids', kidsOf(answer)] },
  };
  return update(database, 'keep the answer of a redemption', { filter, set });
}

/** What a request that brought nothing leaves behind. */
export interface ReleaseRedemption {
  attemptId: string;
  unknown: number;
  intervalMs: number;
  /** Null: this is not polled. */
  pollInMs: number | null;
}

/** The token request brought nothing: the code may be tried again, or the device polled. */
export async function releaseRedemption(
  database: TokenDatabase,
  { authorizationId, kind }: Pick<AuthorizationRecord, 'authorizationId' | 'kind'>,
  { attemptId, unknown, intervalMs, pollInMs }: ReleaseRedemption,
): Promise<boolean> {
  const filter = ofAttempt(authorizationId, attemptId);
  const set = {
    ...{ phase: kind === 'device_code' ? 'pending' : 'received', attempt: null },
    ...{ unknown, intervalMs },
    pollAfter: pollInMs === null ? null : { $add: ['$$NOW', pollInMs] },
  };
  return update(database, 'end a token request', { filter, set });
}

/** Nothing sealed outlives the end of an authorization. */
const ERASED = { request: null, code: null, answer: null, kids: [], attempt: null };

/**
 * Ends an authorization that has failed, and erases what is sealed in it.
 *
 * @param end - the failure type, and the own attempt it ends; null: none is under way
 */
export async function failAuthorization(
  database: TokenDatabase,
  record: AsRead,
  { type, attemptId }: { type: string; attemptId: string | null },
): Promise<boolean> {
  const outcome = replaced({ at: '$$NOW', type, epoch: null, generation: null });
  const set = { ...ERASED, phase: 'failed', outcome };
  const filter = attemptId === null ? asRead(record) : ofAttempt(record.authorizationId, attemptId);
  return update(database, 'end an authorization', { filter, set });
}

/** Ends an authorization whose answer was judged and brought tokens, or came second. */
export async function finishAuthorization(
  database: TokenDatabase,
  authorizationId: string,
  { epoch, generation }: { epoch: number; generation: number },
): Promise<boolean> {
  const outcome = replaced({ at: '$$NOW', type: null, epoch, generation });
  const filter = { _id: authorizationId, phase: 'captured' as const };
  const set = { ...ERASED, phase: 'done', outcome };
  return update(database, 'end an authorization', { filter, set });
}

/** Deletes the authorizations of a connection that is removed. */
export async function deleteAuthorizations(
  database: TokenDatabase,
  connectionId: string,
): Promise<void> {
  await storeOperation('delete authorizations', () =>
    database.authorizations.deleteMany({ connectionId }, sessionOf(database)),
  );
}

async function update(
  database: TokenDatabase,
  what: string,
  { filter, set }: { filter: Filter<AuthorizationDocument>; set: Document },
): Promise<boolean> {
  const result = await storeOperation(what, () =>
    database.authorizations.updateOne(filter, [{ $set: set }], sessionOf(database)),
  );
  return result.matchedCount === 1;
}
