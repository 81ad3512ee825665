import { randomUUID } from 'node:crypto';
import { activityInfo, log } from '@temporalio/activity';
import { requestBudget } from '../contract/budgets.js';
import { decideIssue, type IssueDecision } from '../contract/decide-issue.js';
import type { IssueTokenInput, IssueTokenResult } from '../contract/messages.js';
import { tokenRefOf, type TokenRecord } from '../contract/token-record.js';
import { failure, failureTypeOf, recordedFailure, toFailure } from '../failures.js';
import {
  announceTakeover,
  beginAttempt,
  endAttempt,
  readConnection,
  readTokenWithGrant,
  type ReadConnection,
  type ReadTokenWithGrant,
} from '../store/index.js';
import { attemptDelayMs } from '../contract/backoff.js';
import type { IssueDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { viewOf } from './lifecycle-view.js';
import { planRequest, type RequestPlan } from './plan-request.js';
import { sendRequests } from './send-requests.js';

/** A longer wait is a retryable failure with `nextRetryDelay`, so that it holds no slot. */
const MAX_WAIT_INSIDE_MS = 5_000;

/**
 * Makes the `issueToken` activity: the only place from which a token is requested. It carries out
 * the rotation protocol (intent, send, capture, seal, commit, publish). Safe to run twice: it first
 * looks whether the record already holds what was asked for, and every write is compare-and-set.
 */
export function createIssueToken(dependencies: IssueDependencies) {
  return async function issueToken(input: IssueTokenInput): Promise<IssueTokenResult> {
    const { connectionId } = input;
    try {
      return await withHeartbeats(connectionId, () => new TokenIssue(dependencies, input).run());
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}

/** One run of the activity. */
class TokenIssue {
  readonly #dependencies: IssueDependencies;
  readonly #input: IssueTokenInput;

  constructor(dependencies: IssueDependencies, input: IssueTokenInput) {
    this.#dependencies = dependencies;
    this.#input = input;
  }

  async run(): Promise<IssueTokenResult> {
    const { database, worker } = this.#dependencies;
    const { connectionId } = this.#input;
    for (;;) {
      const readAt = performance.now();
      // The record first: what a `put` in between changes is then newer than the record, never older.
      const token = await readTokenWithGrant(database, connectionId);
      const read = await readConnection(database, connectionId);
      if (read === null || token === null) throw failure('Connection.not_found', { connectionId });
      const latencyMs = (performance.now() - readAt) / 2;
      const repeatable = read.connection.grant.grantType === 'client_credentials';
      const decision = decideIssue(token.record, this.#input, repeatable);
      switch (decision.action) {
        case 'current':
          return this.#result('current', read, token.record);
        case 'fail':
          throw recordedFailure(decision.type, { connectionId, final: true });
        case 'announce_takeover':
          await announceTakeover(database, token.record, decision.attempt.id, worker);
          break;
        case 'wait':
          await this.#wait(decision, token.record);
          break;
        case 'request': {
          const issued = await this.#request(read, token, { repeatable, latencyMs });
          if (issued) return this.#issued(read);
          break;
        }
      }
    }
  }

  /** Waits a moment inside the activity, or says when to come back. */
  async #wait(
    { type, until }: IssueDecision & { action: 'wait' },
    record: TokenRecord,
  ): Promise<void> {
    const waitMs = until - record.now;
    if (waitMs > MAX_WAIT_INSIDE_MS) {
      const { connectionId } = record;
      throw recordedFailure(type, { connectionId, nextRetryDelayMs: waitMs });
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(waitMs, 10)));
  }

  /**
   * Steps S1 to S7.
   *
   * @returns whether this run's answer was committed; false when somebody else was first
   */
  async #request(
    read: ReadConnection,
    token: ReadTokenWithGrant,
    { repeatable, latencyMs }: { repeatable: boolean; latencyMs: number },
  ): Promise<boolean> {
    const { database, worker } = this.#dependencies;
    const { record } = token;
    const plan = await this.#plan(read, token);
    const requests = plan.fallback === null ? 1 : 2;
    const { requestTimeoutMs } = read.connection.authorizationServer;
    const budget = requestBudget(requestTimeoutMs, requests, latencyMs);
    const attemptId = randomUUID();
    const askedAt = performance.now();
    const intent = await beginAttempt(database, record, {
      attemptId,
      worker,
      budgetMs: budget.attemptMs,
      replaces:
        record.attempt === null ? null : { id: record.attempt.id, outcomeUnknown: !repeatable },
    });
    if (intent === null) return false;
    if (performance.now() - askedAt > budget.sendWithinMs) {
      // The process or MongoDB stood still: others may soon take this attempt for dead.
      await this.#end(record, attemptId, 'Store.unavailable');
      throw failure('Store.unavailable', { connectionId: record.connectionId });
    }
    return sendRequests(this.#dependencies, {
      record: { ...record, unknown: this.#unknownNow(record, repeatable) },
      plan,
      attempt: { id: attemptId, sentAt: intent.sentAt },
      attemptNumber: this.#attemptNumber(),
    });
  }

  /** How many attempts failed in a row, this one included. */
  #attemptNumber(): number {
    return activityInfo().attempt + this.#input.priorAttempts;
  }

  /** A dead owner's attempt counts as an unknown outcome from now on. */
  #unknownNow(record: TokenRecord, repeatable: boolean): TokenRecord['unknown'] {
    if (record.attempt === null || repeatable) return record.unknown;
    const { id, sentAt } = record.attempt;
    return [...record.unknown, { attemptId: id, at: sentAt, type: 'OAuth.unreachable' }];
  }

  async #plan(read: ReadConnection, token: ReadTokenWithGrant): Promise<RequestPlan> {
    try {
      return await planRequest(this.#dependencies, read, token);
    } catch (error) {
      const type = failureTypeOf(error);
      if (type !== null && type !== 'Store.unavailable') await this.#end(token.record, null, type);
      throw error;
    }
  }

  /** Records a failure that happened before anything was sent. */
  async #end(record: TokenRecord, attemptId: string | null, type: string): Promise<void> {
    const final = type === 'Policy.network_not_allowed';
    const retried = type === 'Store.key_unavailable' || type === 'Store.unavailable';
    await endAttempt(this.#dependencies.database, record, {
      attemptId,
      type,
      outcomeUnknown: false,
      state: final ? 'blocked' : null,
      retryInMs: retried ? attemptDelayMs(this.#attemptNumber(), null) : null,
      reason: null,
      dropGrant: false,
    });
  }

  /** Step S9: what the record holds now, which is what callers will read. */
  async #issued(read: ReadConnection): Promise<IssueTokenResult> {
    const { connectionId } = this.#input;
    const token = await readTokenWithGrant(this.#dependencies.database, connectionId);
    if (token === null) throw failure('Connection.not_found', { connectionId });
    const { record } = token;
    if (record.state === 'quarantined') {
      throw failure('OAuth.malformed_response', { connectionId, final: true });
    }
    log.info('Token issued', { ...tokenRefOf(record) });
    return this.#result('issued', read, record);
  }

  #result(
    outcome: IssueTokenResult['outcome'],
    { connection }: ReadConnection,
    record: TokenRecord,
  ): IssueTokenResult {
    const { searchAttributes } = this.#dependencies;
    return { ...viewOf(connection, record, searchAttributes), outcome, token: tokenRefOf(record) };
  }
}
