import type { Document, Filter } from 'mongodb';
import type { TokenState } from '../contract/messages.js';
import type { TokenRecord } from '../contract/token-record.js';
import type { TokenDatabase } from './database.js';
import {
  tokenRecordOf,
  type CandidateDocument,
  type ConsentDocument,
  type ReadTokenDocument,
  type TokenDocument,
} from './documents.js';
import { storeOperation } from './errors.js';
import type { Fingerprint } from './fingerprint.js';
import { replaced } from './pipeline.js';
import type { SealedValue } from './sealing.js';
import { REVOKED_STATES } from './token-revocation.js';

/** How many unknown outcomes a record remembers. */
const MAX_UNKNOWN = 20;

/** A record with both sealed members, for whoever makes the token request. */
export interface ReadTokenWithGrant {
  record: TokenRecord;
  access: SealedValue | null;
  grant: SealedValue | null;
  /** Refresh tokens of siblings, each sealed for its generation. */
  candidates: CandidateDocument[];
  /** Of the imported refresh token. */
  refreshTokenFingerprint: Fingerprint | null;
  /** The consent that the epoch began with; null: none. */
  consent: ConsentDocument | null;
}

/** Reads a record with its sealed refresh token. */
export async function readTokenWithGrant(
  database: TokenDatabase,
  connectionId: string,
): Promise<ReadTokenWithGrant | null> {
  const [document] = await storeOperation('read a token record', () =>
    database.tokens
      .aggregate<ReadTokenDocument & Pick<TokenDocument, 'grant' | 'candidates'>>([
        { $match: { _id: connectionId } },
        { $set: { now: '$$NOW', hasGrant: { $ne: ['$grant', null] } } },
      ])
      .toArray(),
  );
  if (document === undefined) return null;
  const { access, grant, candidates, refreshTokenFingerprint, consent = null } = document;
  const sealed = { access, grant, candidates };
  return { record: tokenRecordOf(document), ...sealed, refreshTokenFingerprint, consent };
}

/** The record and generation a write is made against: every write compares before it sets. */
export type Parent = Pick<TokenRecord, 'connectionId' | 'incarnation' | 'epoch' | 'generation'>;

/** Selects the record as it was read: what every write compares. */
export const parentFilter = (parent: Parent): Filter<TokenDocument> => ({
  _id: parent.connectionId,
  incarnation: parent.incarnation,
  epoch: parent.epoch,
  generation: parent.generation,
});

/** The first stays whatever follows: a server's grace counts from it. */
const appendUnknown = (attemptId: string, type: string, mayStillRun: boolean): Document => ({
  $concatArrays: [
    { $slice: ['$unknown', 1] },
    { $slice: [{ $slice: ['$unknown', 1, MAX_UNKNOWN] }, 2 - MAX_UNKNOWN] },
    [{ attemptId, sentAt: '$attempt.sentAt', at: '$$NOW', type, mayStillRun }],
  ],
});

/** The intent of a token request. */
export interface BeginAttempt {
  attemptId: string;
  /** As it was read: an attempt, a refusal or a `put` since then changes what may be sent. */
  failures: number;
  worker: string;
  /** How long nobody else may send, in milliseconds. */
  budgetMs: number;
  /** An attempt whose owner is taken for dead and that this one replaces. */
  replaces: { id: string; outcomeUnknown: boolean; atRisk: boolean } | null;
  /** How long a sibling's refresh token is kept, in milliseconds. */
  candidateLifeMs: number;
}

/**
 * Step S2: writes the intent before anything is sent. Its acknowledgement by a majority also proves
 * that the commit can be written.
 *
 * @returns when the attempt was written (MongoDB's clock), or null when somebody else was first
 */
export async function beginAttempt(
  database: TokenDatabase,
  parent: Parent,
  begin: BeginAttempt,
): Promise<{ sentAt: Date } | null> {
  const { replaces } = begin;
  const set: Document = {
    attempt: replaced({
      id: begin.attemptId,
      parentGeneration: parent.generation,
      worker: { $literal: begin.worker },
      sentAt: '$$NOW',
      deadline: { $add: ['$$NOW', begin.budgetMs] },
    }),
    candidates: {
      $filter: {
        input: '$candidates',
        cond: { $gt: ['$$this.at', { $subtract: ['$$NOW', begin.candidateLifeMs] }] },
      },
    },
  };
  if (replaces?.outcomeUnknown === true) {
    set['unknown'] = appendUnknown(replaces.id, 'OAuth.unreachable', false);
  }
  if (replaces?.atRisk === true) set['state'] = 'at_risk';
  const filter: Filter<TokenDocument> = {
    ...parentFilter(parent),
    state: { $in: ['active', 'at_risk'] },
    failures: begin.failures,
    ...(replaces === null ? { attempt: null } : { 'attempt.id': replaces.id }),
  };
  const updated = await storeOperation('write the intent of a token request', () =>
    database.tokens.findOneAndUpdate(filter, [{ $set: set }], {
      returnDocument: 'after',
      projection: { attempt: 1 },
    }),
  );
  // A retried write may have been applied although its first answer was lost: then it is ours.
  if (updated === null) return readOwnAttempt(database, parent, begin.attemptId);
  return updated.attempt === null ? null : { sentAt: updated.attempt.sentAt };
}

async function readOwnAttempt(
  database: TokenDatabase,
  parent: Parent,
  attemptId: string,
): Promise<{ sentAt: Date } | null> {
  const found = await storeOperation('read the intent of a token request', () =>
    database.tokens.findOne({ ...parentFilter(parent), 'attempt.id': attemptId }),
  );
  return found?.attempt ? { sentAt: found.attempt.sentAt } : null;
}

/** The announcement that a dead owner's attempt will be taken over. */
export interface Takeover {
  attemptId: string;
  by: string;
  /** The grant may be lost with it: the record says so from now on. */
  atRisk: boolean;
}

/** Rule R2: says that a dead owner's attempt will be taken over, and gives it time to commit. */
export async function announceTakeover(
  database: TokenDatabase,
  parent: Parent,
  { attemptId, by, atRisk }: Takeover,
): Promise<void> {
  const takeover = { by: { $literal: by }, at: '$$NOW' };
  await storeOperation('announce the takeover of a token request', () =>
    database.tokens.updateOne(
      {
        ...parentFilter(parent),
        state: { $in: ['active', 'at_risk'] },
        'attempt.id': attemptId,
        'attempt.takeover': { $exists: false },
      },
      [{ $set: { 'attempt.takeover': takeover, ...(atRisk ? { state: 'at_risk' } : {}) } }],
    ),
  );
}

/** How a token request ended that brought no new generation. */
export interface EndAttempt {
  /** The own attempt; null: it ended before the intent was written. */
  attemptId: string | null;
  type: string;
  /** Whether the authorization server may have rotated all the same. */
  outcomeUnknown: boolean;
  /** It may even still be working on it. */
  mayStillRun: boolean;
  /** The state from now on; null: as it was. */
  state: TokenState | null;
  /** No token request before this much time has passed; null: nothing says when. */
  retryInMs: number | null;
  /** Why a grant is dead. */
  reason: string | null;
  /** The refresh token is of no use any more and another grant serves: forget it. */
  dropGrant: boolean;
  /** Siblings whose refresh tokens were there to be tried: another one keeps the grant alive. */
  triedCandidates: string[];
}

/**
 * Records a failed attempt by compare-and-set on the own attempt, so that a late loser changes
 * nothing (rule R7).
 *
 * @returns when the next request is allowed (MongoDB's clock); undefined when the record had moved
 */
export async function endAttempt(
  database: TokenDatabase,
  parent: Parent & Pick<TokenRecord, 'failures'>,
  end: EndAttempt,
): Promise<{ retryAt: Date | null } | undefined> {
  const outcome = end.outcomeUnknown ? 'unknown' : 'failed';
  // A `put` since then raised `failures`: what was refused is not what would be sent now.
  const unlessPut = (value: unknown, otherwise: unknown): Document => ({
    $cond: [{ $eq: ['$failures', parent.failures] }, value, otherwise],
  });
  const set: Document = {
    attempt: null,
    failures: { $add: ['$failures', 1] },
    retryAt: unlessPut(end.retryInMs === null ? null : { $add: ['$$NOW', end.retryInMs] }, null),
    lastOutcome: replaced({
      at: '$$NOW',
      outcome,
      type: end.type,
      ...(end.reason === null ? {} : { reason: end.reason }),
    }),
  };
  const safe = end.outcomeUnknown ? '$state' : SAFE_AGAIN;
  set['state'] = end.state === 'blocked' ? unlessPut('blocked', safe) : (end.state ?? safe);
  if (end.outcomeUnknown) {
    set['unknown'] = appendUnknown(end.attemptId ?? '', end.type, end.mayStillRun);
  }
  if (end.dropGrant) set['grant'] = null;
  if (end.state === 'reauthorization_required') set['keepAliveAt'] = null;
  const updated = await storeOperation('record a failed token request', () =>
    database.tokens.findOneAndUpdate(
      {
        ...parentFilter(parent),
        state: { $nin: REVOKED_STATES },
        ...(end.attemptId === null ? { attempt: null } : { 'attempt.id': end.attemptId }),
        ...(end.state === 'reauthorization_required' ? noOther(end.triedCandidates) : {}),
      },
      [{ $set: set }],
      { returnDocument: 'after', projection: { retryAt: 1 } },
    ),
  );
  if (updated !== null) return { retryAt: updated.retryAt };
  if (end.attemptId !== null) await releaseRevoking(database, parent, end.attemptId);
  return undefined;
}

/** A revocation waits for the answer of a token request under way: there is none to be revoked. */
async function releaseRevoking(
  database: TokenDatabase,
  parent: Parent,
  attemptId: string,
): Promise<void> {
  await storeOperation('end a token request of a revoked connection', () =>
    database.tokens.updateOne(
      { ...parentFilter(parent), state: 'revoking', 'attempt.id': attemptId },
      { $set: { attempt: null } },
    ),
  );
}

/** An owner that was taken for dead, and was not, knows the outcome after all. */
const SAFE_AGAIN: Document = {
  $cond: [
    { $and: [{ $eq: ['$state', 'at_risk'] }, { $eq: ['$unknown', []] }] },
    'active',
    '$state',
  ],
};

const noOther = (tried: string[]): Filter<TokenDocument> => ({
  candidates: { $not: { $elemMatch: { attemptId: { $nin: tried } } } },
});
