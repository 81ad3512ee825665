import type { Filter } from 'mongodb';
import type { ConnectionRecord } from '../contract/connection-record.js';
import { clientSecretContext, type ReadConnection } from './connections.js';
import type { TokenDatabase } from './database.js';
import type {
  CandidateDocument,
  ConnectionDocument,
  ConsentDocument,
  TokenDocument,
} from './documents.js';
import { StoreError } from './errors.js';
import { fingerprintContext, subjectContext } from './fingerprint.js';
import type { KeyProvider } from './keys.js';
import {
  keyPurposeOf,
  kidOf,
  openSealed,
  sameSealed,
  type SealContext,
  type SealedValue,
  type Sealer,
} from './sealing.js';
import { parentFilter } from './token-attempts.js';
import { accessTokenContext, kidsOf, refreshTokenContext } from './tokens.js';

/** What values are taken from and to. */
export interface ResealParts {
  database: TokenDatabase;
  keys: KeyProvider;
  /** The keys to seal with. */
  sealers: { access: Sealer; grant: Sealer };
  /** Ids of the keys to take values from. */
  stale: ReadonlySet<string>;
}

/** A write that is ready to be made: it changes nothing unless the record is the one that was read. */
export interface Resealing<T> {
  connectionId: string;
  filter: Filter<T>;
  set: Partial<T>;
  /** A member does not open with its key, and stays as it is. */
  unreadable: boolean;
}

/**
 * Seals what of a token document is sealed with a stale key with the keys of today. The write
 * compares generation and every sealed value: a commit that comes first wins. Of the attempt it
 * changes nothing; the values opened before the intent stay as good as they were.
 *
 * @param connection - for whom refresh tokens are sealed; read after the document
 * @throws StoreError `key_unavailable`: the key is not in this process
 */
export async function resealToken(
  parts: ResealParts,
  document: TokenDocument,
  connection: ConnectionRecord | null,
): Promise<Resealing<TokenDocument>> {
  const members = new Members(parts);
  const changes = await sealAnew(parts.database, members, { document, connection });
  const next = { ...document, ...changes };
  const kids = kidsOf(
    ...[next.access, next.grant, next.refreshTokenFingerprint?.digest ?? null],
    next.consent?.subject?.digest ?? null,
    ...next.candidates.map(({ grant }) => grant),
  );
  return {
    connectionId: document._id,
    filter: unchanged(document),
    set: { ...changes, kids },
    unreadable: members.unreadable,
  };
}

/**
 * Seals a connection's client secret with the key of today; the write compares revision and value.
 *
 * @throws StoreError `key_unavailable`
 */
export async function resealConnection(
  parts: ResealParts,
  { connection, clientSecret }: ReadConnection,
): Promise<Resealing<ConnectionDocument>> {
  const { connectionId, revision } = connection;
  const members = new Members(parts);
  const place = clientSecretContext(parts.database, connection);
  const next = clientSecret === null ? null : await members.take(clientSecret, place);
  return {
    connectionId,
    filter: { _id: connectionId, revision, ...sameSealed('clientSecret', clientSecret) },
    set: { clientSecret: next, kids: kidsOf(next) },
    unreadable: members.unreadable,
  };
}

type SealedMembers = Pick<
  TokenDocument,
  'access' | 'grant' | 'candidates' | 'refreshTokenFingerprint' | 'consent'
>;

/** The members that have another value now. */
async function sealAnew(
  database: TokenDatabase,
  members: Members,
  { document, connection }: { document: TokenDocument; connection: ConnectionRecord | null },
): Promise<Partial<SealedMembers>> {
  const { access, grant, refreshTokenFingerprint: imported, candidates } = document;
  const { _id: connectionId, incarnation, epoch, generation } = document;
  const place = { connectionId, incarnation, epoch, generation };
  const changes: Partial<SealedMembers> = {};
  const refreshToken = (sealed: SealedValue, sealedFor: number): Promise<SealedValue> =>
    connection === null
      ? Promise.resolve(members.keep(sealed))
      : members.take(
          sealed,
          refreshTokenContext(database, { ...place, generation: sealedFor }, connection),
        );
  if (members.isStale(access)) {
    changes.access = await members.take(access, accessTokenContext(database, place));
  }
  if (members.isStale(grant)) changes.grant = await refreshToken(grant, generation);
  if (imported !== null && members.isStale(imported.digest)) {
    const context = fingerprintContext({ ...place, database: database.name });
    const digest = await members.take(imported.digest, context);
    changes.refreshTokenFingerprint = { kid: kidOf(digest) ?? imported.kid, digest };
  }
  const { consent = null } = document;
  if (consent !== null && members.isStale(consent.subject?.digest ?? null)) {
    changes.consent = await subjectSealedAnew(database, members, { document, consent });
  }
  if (candidates.some((one) => members.isStale(one.grant))) {
    changes.candidates = await Promise.all(
      candidates.map(async (one) => ({
        ...one,
        grant: await refreshToken(one.grant, one.generation),
      })),
    );
  }
  return changes;
}

async function subjectSealedAnew(
  { name: database }: TokenDatabase,
  members: Members,
  { document, consent }: { document: TokenDocument; consent: ConsentDocument },
): Promise<ConsentDocument> {
  const { subject, authorizationId } = consent;
  if (subject === null) return consent;
  const { _id: connectionId, incarnation } = document;
  const context = subjectContext({ database, connectionId, incarnation, authorizationId });
  const digest = await members.take(subject.digest, context);
  return { ...consent, subject: { kid: kidOf(digest) ?? subject.kid, digest } };
}

/** The sealed members of one document, taken one by one. */
class Members {
  readonly #parts: ResealParts;
  unreadable = false;

  constructor(parts: ResealParts) {
    this.#parts = parts;
  }

  /** The value under the key of today; itself when its key is none of the stale ones. */
  async take(sealed: SealedValue, context: SealContext): Promise<SealedValue> {
    if (!this.isStale(sealed)) return sealed;
    const { keys, sealers } = this.#parts;
    try {
      const sealer = sealers[keyPurposeOf(context)];
      return await sealer.seal(context, await openSealed(keys, sealed, context));
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'unreadable') throw error;
      return this.keep(sealed);
    }
  }

  /** Leaves a value that cannot be opened as it is. */
  keep(sealed: SealedValue): SealedValue {
    if (this.isStale(sealed)) this.unreadable = true;
    return sealed;
  }

  isStale(sealed: SealedValue | null): sealed is SealedValue {
    const kid = sealed === null ? null : kidOf(sealed);
    return kid !== null && this.#parts.stale.has(kid);
  }
}

/** Nobody has sent a refresh token of the record and may still bring the next one. */
const NO_LIVE_ATTEMPT: Filter<TokenDocument> = {
  $or: [{ attempt: null }, { $expr: { $lte: ['$attempt.deadline', '$$NOW'] } }],
};

/** Selects the document while every sealed value in it is the one that was read. */
function unchanged(document: TokenDocument): Filter<TokenDocument> {
  const { _id: connectionId, incarnation, epoch, generation, candidates } = document;
  const imported = document.refreshTokenFingerprint;
  return {
    ...parentFilter({ connectionId, incarnation, epoch, generation }),
    ...NO_LIVE_ATTEMPT,
    ...sameSealed('access', document.access),
    ...sameSealed('grant', document.grant),
    ...(imported === null
      ? { refreshTokenFingerprint: null }
      : sameSealed('refreshTokenFingerprint.digest', imported.digest)),
    ...sameSealed('consent.subject.digest', document.consent?.subject?.digest ?? null),
    candidates: { $size: candidates.length },
    ...Object.assign({}, ...candidates.map(sameCandidate)),
  } as Filter<TokenDocument>;
}

function sameCandidate({ grant }: CandidateDocument, index: number): Record<string, string | null> {
  return sameSealed(`candidates.${index}.grant`, grant);
}
