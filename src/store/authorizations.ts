import type { Document, Filter } from 'mongodb';
import type {
  AuthorizationKind,
  AuthorizationPhase,
  AuthorizationRecord,
} from '../contract/authorization-record.js';
import type { ConnectionRecord } from '../contract/connection-record.js';
import type { TokenDatabase } from './database.js';
import { storeOperation } from './errors.js';
import type { SealContext, SealedValue } from './sealing.js';
import { kidsOf, recipientOf } from './tokens.js';

/** A document of `authorizations`: one try of one person to authorize a connection. */
export interface AuthorizationDocument {
  /** The `authorizationId`: opaque, and no secret. */
  _id: string;
  connectionId: string;
  incarnation: string;
  kind: AuthorizationKind;
  phase: AuthorizationPhase;
  /** SHA-256 of `state`, by which a callback finds its authorization; null: there is no callback. */
  stateHash: string | null;
  /** SHA-256 of what binds it to a browser; null: it is bound in another way. */
  browserHash: string | null;
  /** Sealed `state`, verifier, nonce and device code; null once they are of no use. */
  request: SealedValue | null;
  /** The sealed authorization code. */
  code: SealedValue | null;
  /** The sealed answer of the token endpoint, until it is judged. */
  answer: SealedValue | null;
  /** Ids of the keys the sealed members need. */
  kids: string[];
  /** Where the browser comes back; null: it does not. */
  redirectUri: string | null;
  acceptNewSubject: boolean;
  /** Who began it, for people. */
  startedBy: string;
  userCode: string | null;
  verificationUri: string | null;
  verificationUriComplete: string | null;
  intervalMs: number;
  pollAfter: Date | null;
  attempt: { id: string; worker: string; sentAt: Date; deadline: Date } | null;
  unknown: number;
  createdAt: Date;
  receivedAt: Date | null;
  expiresAt: Date;
  /** A TTL index deletes it then. */
  purgeAt: Date;
  outcome: {
    at: Date;
    type: string | null;
    epoch: number | null;
    generation: number | null;
  } | null;
}

/** An authorization as it was read, with what is sealed in it. */
export interface ReadAuthorization {
  record: AuthorizationRecord;
  redirectUri: string | null;
  stateHash: string | null;
  browserHash: string | null;
  request: SealedValue | null;
  code: SealedValue | null;
  answer: SealedValue | null;
}

/** What an authorization begins with. */
export type NewAuthorization = Pick<
  AuthorizationDocument,
  | 'connectionId'
  | 'incarnation'
  | 'kind'
  | 'stateHash'
  | 'browserHash'
  | 'redirectUri'
  | 'acceptNewSubject'
  | 'startedBy'
  | 'userCode'
  | 'verificationUri'
  | 'verificationUriComplete'
  | 'intervalMs'
> & {
  authorizationId: string;
  request: SealedValue;
  /** When the connection was read for it (MongoDB's clock). */
  asOf: Date;
  lifetimeMs: number;
};

/** Long enough to say afterwards what became of an authorization. */
const KEPT_MS = 24 * 3_600_000;

/**
 * Makes an authorization.
 *
 * @returns when it expires (MongoDB's clock)
 */
export async function insertAuthorization(
  database: TokenDatabase,
  { authorizationId: _id, lifetimeMs, asOf, ...fields }: NewAuthorization,
): Promise<{ expiresAt: Date }> {
  const literal = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, { $literal: value }]),
  );
  const isDevice = fields.kind === 'device_code';
  const set: Document = {
    ...literal,
    phase: 'pending',
    kids: { $literal: kidsOf(fields.request) },
    pollAfter: isDevice ? { $add: ['$$NOW', fields.intervalMs] } : null,
    receivedAt: null,
    createdAt: asOf,
    expiresAt: { $add: ['$$NOW', lifetimeMs] },
    purgeAt: { $add: ['$$NOW', lifetimeMs + KEPT_MS] },
    unknown: 0,
    ...{ code: null, answer: null, attempt: null, outcome: null },
  };
  const inserted = await storeOperation('make an authorization', () =>
    database.authorizations.findOneAndUpdate({ _id, phase: { $exists: false } }, [{ $set: set }], {
      upsert: true,
      returnDocument: 'after',
      projection: { expiresAt: 1 },
    }),
  );
  if (inserted === null) throw new TypeError('An authorization was made and is not there.');
  return { expiresAt: inserted.expiresAt };
}

/** Reads an authorization by its id; null: there is none, or none any more. */
export function readAuthorization(
  database: TokenDatabase,
  authorizationId: string,
): Promise<ReadAuthorization | null> {
  return readOne(database, { _id: authorizationId });
}

/** Finds the authorization that a callback belongs to; null: there is none. */
export function findAuthorizationByState(
  database: TokenDatabase,
  stateHash: string,
): Promise<ReadAuthorization | null> {
  // Said twice, because MongoDB uses a partial index only where the query repeats its condition.
  return readOne(database, { stateHash: { $eq: stateHash, $type: 'string' } });
}

async function readOne(
  database: TokenDatabase,
  filter: Filter<AuthorizationDocument>,
): Promise<ReadAuthorization | null> {
  const [document] = await storeOperation('read an authorization', () =>
    database.authorizations
      .aggregate<AuthorizationDocument & { now: Date }>([
        { $match: filter },
        { $limit: 1 },
        { $set: { now: '$$NOW' } },
      ])
      .toArray(),
  );
  if (document === undefined) return null;
  const { redirectUri, stateHash, browserHash, request, code, answer } = document;
  return {
    record: recordOf(document),
    ...{ redirectUri, stateHash, browserHash, request, code, answer },
  };
}

const ms = (at: Date | null): number | null => at?.getTime() ?? null;

function recordOf(document: AuthorizationDocument & { now: Date }): AuthorizationRecord {
  const { _id, attempt, outcome } = document;
  const { connectionId, incarnation, kind, phase, acceptNewSubject } = document;
  const { userCode, verificationUri, verificationUriComplete, intervalMs, unknown } = document;
  return {
    authorizationId: _id,
    ...{ connectionId, incarnation, kind, phase, acceptNewSubject },
    ...{ userCode, verificationUri, verificationUriComplete, intervalMs, unknown },
    pollAfter: ms(document.pollAfter),
    receivedAt: ms(document.receivedAt),
    attempt:
      attempt === null
        ? null
        : {
            ...{ id: attempt.id, worker: attempt.worker },
            ...{ sentAt: attempt.sentAt.getTime(), deadline: attempt.deadline.getTime() },
          },
    createdAt: document.createdAt.getTime(),
    expiresAt: document.expiresAt.getTime(),
    outcome: outcome === null ? null : { ...outcome, at: outcome.at.getTime() },
    now: document.now.getTime(),
  };
}

/** The members of an authorization that are sealed. */
export type SealedAuthorizationMember = 'request' | 'code' | 'answer';

/**
 * The place a member of an authorization is sealed for: this authorization of this connection, and
 * whom it may be sent to.
 */
export function authorizationContext(
  database: Pick<TokenDatabase, 'name'>,
  record: Pick<AuthorizationRecord, 'authorizationId' | 'connectionId' | 'incarnation'>,
  about: {
    member: SealedAuthorizationMember;
    connection: Pick<ConnectionRecord, 'authorizationServer' | 'client'>;
  },
): SealContext {
  const { authorizationId, connectionId, incarnation } = record;
  return {
    ...{ database: database.name, collection: 'authorizations', connectionId, incarnation },
    ...{ epoch: 0, generation: 0 },
    purpose: `authorization_${about.member}|${authorizationId}|${recipientOf(about.connection)}`,
  };
}
