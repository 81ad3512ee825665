import { log } from '@temporalio/activity';
import { refreshAheadMs } from '../contract/freshness.js';
import type { TokenRecord } from '../contract/token-record.js';
import type { CapturedResponse } from '../oauth/index.js';
import type { Secret } from '../secret.js';
import {
  commitOverSibling,
  commitTokenSet,
  StoreError,
  accessTokenContext,
  refreshTokenContext,
  type CommitResult,
  type SealContext,
  type SealedValue,
  type Sealer,
  type TokenSet,
} from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';
import type { RequestPlan } from './plan-request.js';

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;
/** A rotated refresh token is worth waiting for MongoDB this long. */
const GIVE_UP_MS = 10 * 60_000;

/** An answer to commit. */
export interface AnswerToCommit {
  record: TokenRecord;
  plan: RequestPlan;
  response: CapturedResponse;
  attempt: { id: string; sentAt: Date };
  /** Monotonic time the answered request was sent at. */
  sentAtMs: number;
  /** Replace an older sibling's tokens. */
  overSibling: boolean;
  /** The refresh token that goes on serving when the answer brings none; null: none. */
  keptRefreshToken: Secret | null;
}

/**
 * Steps S6 and S7: seals what came back and writes it as the next generation, again and again while
 * MongoDB cannot be reached: this process holds the only copy.
 *
 * @throws StoreError `unavailable` after ten minutes
 */
export async function commitAnswer(
  { database }: IssueDependencies,
  answer: AnswerToCommit,
): Promise<CommitResult> {
  const { record } = answer;
  const write = answer.overSibling ? commitOverSibling : commitTokenSet;
  const sealed = await sealAnswer(database.name, answer);
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    const elapsedMs = performance.now() - answer.sentAtMs;
    try {
      return await write(database, record, { ...sealed, elapsedMs });
    } catch (error) {
      if (!(error instanceof StoreError) || performance.now() > giveUpAt) throw error;
      log.warn('A new token waits for MongoDB to be written', {
        connectionId: record.connectionId,
        generation: record.generation + 1,
      });
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

async function sealAnswer(
  database: string,
  { record, plan, response, attempt, keptRefreshToken, overSibling }: AnswerToCommit,
): Promise<Omit<TokenSet, 'elapsedMs'>> {
  const next = { ...record, generation: record.generation + (overSibling ? 2 : 1) };
  const places = { name: database };
  const seal = (sealer: Sealer, context: SealContext, secret: Secret | null) =>
    secret === null
      ? Promise.resolve<SealedValue | null>(null)
      : sealer.seal(context, secret.reveal());
  const { grantType, useRefreshToken } = plan.connection.grant;
  // A secret that nobody will use is not kept.
  const ignored = grantType === 'client_credentials' && !useRefreshToken;
  const refreshToken = ignored ? null : (response.refreshToken ?? keptRefreshToken);
  const [access, grant] = await Promise.all([
    seal(plan.sealers.access, accessTokenContext(places, next), response.accessToken),
    seal(plan.sealers.grant, refreshTokenContext(places, next, plan.connection), refreshToken),
  ]);
  const { defaultExpiresInMs } = plan.connection.lifetime;
  const lifetimeMs = response.expiresInMs ?? defaultExpiresInMs;
  const trusted = response.problem === null;
  return {
    state: trusted ? 'active' : 'quarantined',
    invalid: trusted ? null : 'quarantined',
    access,
    grant,
    tokenType: response.tokenType,
    scope: response.scope ?? plan.connection.grant.scope,
    lifetimeMs,
    refreshAheadMs: refreshAheadMs(lifetimeMs ?? 0, Math.random()),
    refreshTokenLifetimeMs: response.refreshTokenExpiresInMs,
    attemptId: attempt.id,
    sentAt: attempt.sentAt,
    readAt: new Date(record.now),
    failureType: trusted ? null : 'OAuth.malformed_response',
  };
}
