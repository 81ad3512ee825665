import { log } from '@temporalio/activity';
import { isRepeatable } from '../contract/decide-issue.js';
import { endAheadMs, refreshAheadMs } from '../contract/freshness.js';
import { needsPerson, refreshScope } from '../contract/grant-type.js';
import { keepAliveAfterMs } from '../contract/refresh-token-clocks.js';
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
  type Journal,
  type JournalEntry,
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

/** The intent of an attempt. */
export interface WrittenIntent {
  id: string;
  /** When it was written (MongoDB's clock). */
  sentAt: Date;
  /** Monotonic time at which it was known to be written. */
  knownAtMs: number;
}

/** An answer to commit. */
export interface AnswerToCommit {
  record: TokenRecord;
  plan: RequestPlan;
  response: CapturedResponse;
  attempt: WrittenIntent;
  /** Monotonic time the answered request was sent at. */
  sentAtMs: number;
  /** Replace the tokens of an older sibling, which are of this generation; null: there is none. */
  siblingGeneration: number | null;
  /** The refresh token that was sent; it goes on serving when the answer brings none; null: none. */
  sentRefreshToken: Secret | null;
}

/**
 * Steps S6 and S7: seals what came back and writes it as the next generation, again and again while
 * MongoDB cannot be reached: this process holds the only copy.
 *
 * @throws StoreError `unavailable` after ten minutes
 */
export async function commitAnswer(
  { database, journal }: IssueDependencies,
  answer: AnswerToCommit,
): Promise<CommitResult> {
  const { record, siblingGeneration } = answer;
  const sealed = await sealAnswer(database.name, answer);
  if (journal !== null && siblingGeneration === null) await keep(journal, answer, sealed);
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    const elapsedMs = performance.now() - answer.sentAtMs;
    try {
      const tokens = { ...sealed, elapsedMs };
      return siblingGeneration === null
        ? await commitTokenSet(database, record, tokens)
        : await commitOverSibling(database, record, tokens, siblingGeneration);
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

/** Step S6. The commit goes on without it: what is not journaled is not lost yet. */
async function keep(
  journal: Journal,
  { record, attempt, plan }: AnswerToCommit,
  tokens: JournalEntry['tokens'],
): Promise<void> {
  if (isRepeatable(plan.connection.grant)) return;
  const { connectionId, incarnation, epoch, generation } = record;
  const parent = { connectionId, incarnation, epoch, generation };
  try {
    await journal.write(attempt.id, { parent, tokens });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    log.warn(error.message, { connectionId, generation: generation + 1 });
  }
}

async function sealAnswer(
  database: string,
  answer: AnswerToCommit,
): Promise<Omit<TokenSet, 'elapsedMs'>> {
  const { record, plan, response, attempt, sentRefreshToken, siblingGeneration } = answer;
  const next = { ...record, generation: (siblingGeneration ?? record.generation) + 1 };
  const places = { name: database };
  const seal = (sealer: Sealer, context: SealContext, secret: Secret | null) =>
    secret === null
      ? Promise.resolve<SealedValue | null>(null)
      : sealer.seal(context, secret.reveal());
  const { grantType, useRefreshToken } = plan.connection.grant;
  // A secret that nobody will use is not kept.
  const ignored = !needsPerson(grantType) && !useRefreshToken;
  const refreshToken = ignored ? null : (response.refreshToken ?? sentRefreshToken);
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
    scope: response.scope ?? scopeNotTold(plan, record, sentRefreshToken !== null),
    lifetimeMs,
    // With nothing to refresh it a token serves to its end, and then a person is needed.
    refreshAheadMs:
      needsPerson(grantType) && refreshToken === null
        ? endAheadMs(lifetimeMs ?? 0)
        : refreshAheadMs(lifetimeMs ?? 0, Math.random()),
    ...refreshTokenClocks(plan, response, sentRefreshToken),
    attemptId: attempt.id,
    sentAt: attempt.sentAt,
    sentAfterMs: answer.sentAtMs - attempt.knownAtMs,
    readAt: new Date(record.now),
    failureType: trusted ? null : 'OAuth.malformed_response',
    keepsSiblings: needsPerson(grantType),
    rotated: rotatedBy(response, sentRefreshToken),
  };
}

/**
 * How long the refresh token lives and may lie idle. What the server tells holds; what the connection
 * declares is for a token that begins to live with this answer.
 */
function refreshTokenClocks(
  { connection }: RequestPlan,
  response: CapturedResponse,
  sent: Secret | null,
): Pick<TokenSet, 'refreshTokenLifetimeMs' | 'keepAliveMs'> {
  const { grant, lifetime } = connection;
  const isNew = rotatedBy(response, sent) !== 'same_token';
  const declared = isNew ? lifetime.refreshTokenExpiresInMs : null;
  return {
    refreshTokenLifetimeMs: response.refreshTokenExpiresInMs ?? declared,
    // Where no person is needed another one is to be had at any time.
    keepAliveMs: needsPerson(grant.grantType)
      ? keepAliveAfterMs(lifetime.refreshTokenIdleMs)
      : null,
  };
}

/**
 * The scope of an answer that tells none: as it was asked for (RFC 6749 §5.1), and of a refresh
 * without a scope as it was granted before (§6).
 */
function scopeNotTold(
  { connection }: RequestPlan,
  record: TokenRecord,
  refreshed: boolean,
): string | null {
  return refreshed ? (refreshScope(connection.grant) ?? record.scope) : connection.grant.scope;
}

/** Rule R10: no refresh token in an answer says the same as the one that was sent. */
function rotatedBy({ refreshToken }: CapturedResponse, sent: Secret | null): TokenSet['rotated'] {
  if (sent === null) return null;
  const same = refreshToken === null || refreshToken.reveal() === sent.reveal();
  return same ? 'same_token' : 'new_token';
}
