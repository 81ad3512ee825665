import type { Rejections } from '../contract/backoff.js';
import type { ConnectionRecord } from '../contract/connection-record.js';
import type { RevokedTokens, TokenState } from '../contract/messages.js';
import { NO_EVIDENCE, type RotationEvidence } from '../contract/rotation-profile.js';
import type {
  InvalidReason,
  Revocation,
  TokenRecord,
  UnknownOutcome,
} from '../contract/token-record.js';
import type { AnnouncedDocument } from './announcements.js';
import type { Fingerprint } from './fingerprint.js';
import type { SealedValue } from './sealing.js';

/** `attempt` of a token document: the intent, written before a token request is sent. */
export interface AttemptDocument {
  id: string;
  parentGeneration: number;
  worker: string;
  sentAt: Date;
  deadline: Date;
  takeover?: { by: string; at: Date };
}

/** `candidates` of a token document: the refresh token of an answer that another one replaced. */
export interface CandidateDocument {
  attemptId: string;
  grant: SealedValue;
  generation: number;
  at: Date;
}

/** `consent` of a token document: the authorization that its epoch began with. */
export interface ConsentDocument {
  authorizationId: string;
  /** When the person consented, as near as it is known: a later consent wins. */
  at: Date;
  /** Of who consented; null: the server did not say. */
  subject: Fingerprint | null;
}

/** A token document: one per connection, every field from the start. All times are `$$NOW`'s. */
export interface TokenDocument {
  _id: string;
  /** 8 random characters made with the document: a connection made anew is another one. */
  incarnation: string;
  epoch: number;
  generation: number;
  state: TokenState;
  /** The sealed access token. */
  access: SealedValue | null;
  /** The sealed refresh token. */
  grant: SealedValue | null;
  /**
   * Ids of the keys that sealed members need; now and then also of one that none needs any more.
   */
  kids: string[];
  tokenType: string | null;
  scope: string | null;
  issuedAt: Date | null;
  expiresAt: Date | null;
  refreshAfter: Date | null;
  lifetimeMs: number | null;
  refreshTokenExpiresAt: Date | null;
  /** How long it lived when its end was first told; missing in a document of an earlier version. */
  refreshTokenLifetimeMs?: number | null;
  /** When a refresh token in use was last used or put. Missing in a document of an earlier version. */
  refreshTokenUsedAt?: Date | null;
  /** When it is used again so that it does not expire idle. Missing in a document of an earlier version. */
  keepAliveAt?: Date | null;
  /** Of the imported refresh token. */
  refreshTokenFingerprint: Fingerprint | null;
  invalid: { reason: InvalidReason; at: Date } | null;
  attempt: AttemptDocument | null;
  committed: { attemptId: string; parentGeneration: number; sentAt: Date } | null;
  /** `sentAt` and `mayStillRun` are missing in entries of an earlier version. */
  unknown: {
    attemptId: string;
    sentAt?: Date | null;
    at: Date;
    type: string;
    mayStillRun?: boolean;
  }[];
  /** Refresh tokens of siblings, each sealed for the generation it names. */
  candidates: CandidateDocument[];
  /** Missing in a document of an earlier version. */
  rotationEvidence?: RotationEvidence;
  failures: number;
  retryAt: Date | null;
  lastOutcome: {
    at: Date;
    outcome: 'issued' | 'failed' | 'unknown';
    type: string | null;
    /** Why a grant is dead: `revoked_or_expired`, `lost_rotation` or `no_refresh_token`. */
    reason?: string;
  } | null;
  rejections: { inARow: number; generation: number; requestedAt: Date | null } | null;
  /** Missing in a document of an earlier version; null: no person consented in this epoch. */
  consent?: ConsentDocument | null;
  /** Missing in a document of an earlier version. */
  revocation?: RevocationDocument | null;
  /**
   * When a revocation was asked for, or another grant put: what people were asked before then is
   * answered too late. Missing in a document of an earlier version.
   */
  supersededAt?: Date | null;
  /** Missing in a document of an earlier version. */
  announced?: AnnouncedDocument;
}

/** `revocation` of a token document: asked for in this epoch, and what came of it. */
export interface RevocationDocument extends RevokedTokens {
  requestedAt: Date;
  /** When the last secret was erased; null: under way. */
  endedAt: Date | null;
}

/** A document of `connections`: the record, its sealed client secret, and who wrote it when. */
export interface ConnectionDocument extends ConnectionRecord {
  _id: string;
  clientSecret: SealedValue | null;
  /** Id of the key the client secret is sealed with. */
  kids: string[];
  revision: number;
  updatedAt: Date;
  updatedBy: string;
}

/** The one document of `connections` that says which Temporal deployment the database belongs to. */
export interface DeploymentDocument {
  _id: '$deployment';
  namespace: string;
  taskQueue: string;
}

/** A token document as it is read: with MongoDB's clock beside it. */
export type ReadTokenDocument = Omit<TokenDocument, 'grant' | 'candidates'> & {
  candidates: Omit<CandidateDocument, 'grant'>[];
  now: Date;
  hasGrant: boolean;
};

const ms = (at: Date | null | undefined): number | null => at?.getTime() ?? null;

/** The plain part of a token document, with its times as milliseconds. */
export function tokenRecordOf(document: ReadTokenDocument): TokenRecord {
  const { attempt, lastOutcome, invalid } = document;
  return {
    connectionId: document._id,
    incarnation: document.incarnation,
    epoch: document.epoch,
    generation: document.generation,
    state: document.state,
    hasAccessToken: document.access !== null,
    hasRefreshToken: document.hasGrant,
    tokenType: document.tokenType,
    scope: document.scope,
    issuedAt: ms(document.issuedAt),
    expiresAt: ms(document.expiresAt),
    refreshAfter: ms(document.refreshAfter),
    lifetimeMs: document.lifetimeMs,
    refreshTokenExpiresAt: ms(document.refreshTokenExpiresAt),
    keepAliveAt: ms(document.keepAliveAt),
    invalid: invalid === null ? null : { reason: invalid.reason, at: invalid.at.getTime() },
    attempt:
      attempt === null
        ? null
        : {
            id: attempt.id,
            parentGeneration: attempt.parentGeneration,
            worker: attempt.worker,
            sentAt: attempt.sentAt.getTime(),
            deadline: attempt.deadline.getTime(),
            takeover:
              attempt.takeover === undefined
                ? null
                : { by: attempt.takeover.by, at: attempt.takeover.at.getTime() },
          },
    unknown: document.unknown.map(unknownOf),
    candidates: document.candidates.map(({ attemptId, generation, at }) => ({
      ...{ attemptId, generation, at: at.getTime() },
    })),
    rotationEvidence: document.rotationEvidence ?? NO_EVIDENCE,
    failures: document.failures,
    retryAt: ms(document.retryAt),
    lastOutcome:
      lastOutcome === null
        ? null
        : { at: lastOutcome.at.getTime(), outcome: lastOutcome.outcome, type: lastOutcome.type },
    rejections: rejectionsOf(document.rejections),
    revocation: revocationOf(document.revocation ?? null),
    supersededAt: ms(document.supersededAt),
    now: document.now.getTime(),
  };
}

function unknownOf(entry: TokenDocument['unknown'][number]): UnknownOutcome {
  const { attemptId, type, mayStillRun = false } = entry;
  const at = entry.at.getTime();
  return { attemptId, sentAt: ms(entry.sentAt) ?? at, at, type, mayStillRun };
}

function rejectionsOf(stored: TokenDocument['rejections']): Rejections | null {
  return stored === null ? null : { ...stored, requestedAt: ms(stored.requestedAt) };
}

function revocationOf(stored: RevocationDocument | null): Revocation | null {
  if (stored === null) return null;
  const { requestedAt, endedAt, refreshToken, accessToken } = stored;
  const at = { requestedAt: requestedAt.getTime(), endedAt: ms(endedAt) };
  return { ...at, refreshToken, accessToken };
}
