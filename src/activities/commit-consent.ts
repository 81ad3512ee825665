import type { KeptAnswer } from '../authorizations/index.js';
import { endAheadMs, refreshAheadMs } from '../contract/freshness.js';
import { keepAliveAfterMs } from '../contract/refresh-token-clocks.js';
import type { TokenRecord } from '../contract/token-record.js';
import {
  accessTokenContext,
  commitConsent as writeConsent,
  finishAuthorization,
  nextEpochOf,
  prepareSealer,
  refreshTokenContext,
  StoreError,
  type ConsentTokens,
} from '../store/index.js';
import type { ConsentToJudge, JudgedAnswer } from './consent-answer.js';
import type { IssueDependencies } from './dependencies.js';

/**
 * Starts the next epoch with an answer that was judged. A person who consented later has the last
 * word: then the authorization is done, and the later one's tokens stay.
 *
 * @returns false when the record had moved: read again and repeat
 * @throws StoreError
 */
export async function commitConsent(
  dependencies: IssueDependencies,
  consent: ConsentToJudge,
  judged: JudgedAnswer,
): Promise<boolean> {
  const { database } = dependencies;
  const { authorization, token } = consent;
  const { record } = authorization;
  const consentedAt = record.receivedAt ?? record.attempt?.sentAt ?? record.now;
  if (token.consent !== null && token.consent.at.getTime() > consentedAt) {
    return finishAuthorization(database, record.authorizationId, token.record);
  }
  const tokens = await sealedTokens(dependencies, consent, judged.answer);
  const { authorizationId } = record;
  const { subject } = judged;
  const at = new Date(consentedAt);
  try {
    const consented = { authorizationId, at, subject };
    return await writeConsent(database, token.record, { ...tokens, consent: consented });
  } catch (error) {
    if (error instanceof StoreError && error.code === 'conflict') return false;
    throw error;
  }
}

async function sealedTokens(
  { database, keys }: IssueDependencies,
  { read, authorization, token }: ConsentToJudge,
  answer: KeptAnswer,
): Promise<Omit<ConsentTokens, 'consent'>> {
  const { attempt } = authorization.record;
  const { accessToken, refreshToken } = answer;
  if (accessToken === null || attempt === null) throw new TypeError('An answer without its token.');
  const place: TokenRecord = nextEpochOf(token.record);
  const { connection } = read;
  const [access, grant] = await Promise.all([
    prepareSealer(keys, 'access').then((sealer) =>
      sealer.seal(accessTokenContext(database, place), accessToken.reveal()),
    ),
    refreshToken === null
      ? null
      : prepareSealer(keys, 'grant').then((sealer) =>
          sealer.seal(refreshTokenContext(database, place, connection), refreshToken.reveal()),
        ),
  ]);
  const { lifetime, grant: asked } = connection;
  const lifetimeMs = answer.expiresInMs ?? lifetime.defaultExpiresInMs;
  const refreshTokenLifetimeMs = answer.refreshTokenExpiresInMs ?? lifetime.refreshTokenExpiresInMs;
  return {
    ...{ access, grant, tokenType: answer.tokenType, lifetimeMs },
    // What is not told is as it was asked for (RFC 6749 §5.1).
    scope: answer.scope ?? asked.scope,
    refreshAheadMs:
      grant === null ? endAheadMs(lifetimeMs ?? 0) : refreshAheadMs(lifetimeMs ?? 0, Math.random()),
    refreshTokenLifetimeMs: refreshTokenLifetimeMs === 'never' ? null : refreshTokenLifetimeMs,
    keepAliveMs: keepAliveAfterMs(lifetime.refreshTokenIdleMs),
    attempt: { id: attempt.id, sentAt: new Date(attempt.sentAt) },
    begunAt: new Date(authorization.record.createdAt),
  };
}
