import type { Document, Filter } from 'mongodb';
import { NO_EVIDENCE } from '../contract/rotation-profile.js';
import { finishAuthorization } from './authorization-changes.js';
import type { TokenDatabase } from './database.js';
import type { ConsentDocument, TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';
import { replaced } from './pipeline.js';
import type { SealedValue } from './sealing.js';
import { parentFilter, type Parent } from './token-attempts.js';
import { kidsOf } from './tokens.js';
import { inTransaction, sessionOf } from './transaction.js';

/** What a consent brought, sealed for the next epoch and ready to be written. */
export interface ConsentTokens {
  access: SealedValue;
  grant: SealedValue | null;
  tokenType: string;
  scope: string | null;
  /** Counted from when the request was sent; null: none known. */
  lifetimeMs: number | null;
  /** How long before expiry a refresh is due, jitter drawn. */
  refreshAheadMs: number;
  refreshTokenLifetimeMs: number | null;
  /** After so long without use the refresh token is used again; null: it may lie idle. */
  keepAliveMs: number | null;
  attempt: { id: string; sentAt: Date };
  consent: ConsentDocument;
  /** When its authorization began: a revocation or another grant since then comes first. */
  begunAt: Date;
}

/** Where tokens of a consent are committed: after the record that was read, in the next epoch. */
export function nextEpochOf<P extends Parent>(parent: P): P {
  return { ...parent, epoch: parent.epoch + 1, generation: parent.generation + 1 };
}

/**
 * Starts the next epoch with what a consent brought and ends its authorization, both or neither, by
 * compare-and-set on the record that was read. Whatever the old epoch still does comes too late.
 *
 * @returns false when the record had moved: read again and repeat
 * @throws StoreError `conflict` when another write came first, `unavailable`
 */
export async function commitConsent(
  database: TokenDatabase,
  parent: Parent,
  tokens: ConsentTokens,
): Promise<boolean> {
  // What is being revoked would be overwritten before the server has heard of it.
  const filter: Filter<TokenDocument> = {
    ...{ ...parentFilter(parent), state: { $ne: 'revoking' } },
    supersededAt: { $not: { $gte: tokens.begunAt } },
  };
  const set = consentedFields(parent, tokens);
  return inTransaction(database, 'start the next epoch', async (bound) => {
    const result = await storeOperation('start the next epoch', () =>
      bound.tokens.updateOne(filter, [{ $set: set }], sessionOf(bound)),
    );
    if (result.matchedCount === 0) return false;
    return finishAuthorization(bound, tokens.consent.authorizationId, nextEpochOf(parent));
  });
}

function consentedFields(parent: Parent, tokens: ConsentTokens): Document {
  const { attempt, grant, lifetimeMs, refreshTokenLifetimeMs, consent } = tokens;
  const sinceSent = (ms: number | null): Date | null =>
    ms === null ? null : new Date(attempt.sentAt.getTime() + ms);
  const { epoch, generation } = nextEpochOf(parent);
  return {
    ...{ epoch, generation, state: 'active' },
    access: { $literal: tokens.access },
    grant: { $literal: grant },
    kids: kidsOf(tokens.access, grant, consent.subject?.digest ?? null),
    tokenType: { $literal: tokens.tokenType },
    scope: { $literal: tokens.scope },
    issuedAt: attempt.sentAt,
    expiresAt: sinceSent(lifetimeMs),
    refreshAfter: sinceSent(lifetimeMs === null ? null : lifetimeMs - tokens.refreshAheadMs),
    lifetimeMs,
    refreshTokenExpiresAt: sinceSent(refreshTokenLifetimeMs),
    refreshTokenLifetimeMs,
    refreshTokenUsedAt: grant === null ? null : attempt.sentAt,
    keepAliveAt: grant === null ? null : sinceSent(tokens.keepAliveMs),
    refreshTokenFingerprint: null,
    ...{ invalid: null, attempt: null, unknown: [], candidates: [], rejections: null },
    committed: replaced({
      attemptId: attempt.id,
      parentGeneration: parent.generation,
      sentAt: attempt.sentAt,
    }),
    rotationEvidence: replaced(NO_EVIDENCE),
    ...{ failures: 0, retryAt: null, revocation: null },
    lastOutcome: replaced({ at: '$$NOW', outcome: 'issued', type: null }),
    consent: replaced({
      authorizationId: consent.authorizationId,
      at: consent.at,
      subject: { $literal: consent.subject },
    }),
  };
}
