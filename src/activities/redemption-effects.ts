import { randomUUID } from 'node:crypto';
import { log } from '@temporalio/activity';
import { sealAnswer } from '../authorizations/index.js';
import type { AuthorizationRecord } from '../contract/authorization-record.js';
import { requestBudget } from '../contract/budgets.js';

import type { RedemptionEffect, RedemptionEvent } from '../contract/redemption-steps.js';
import { isSuperseded } from '../contract/superseded.js';
import { failureTypeOf, recordedFailure } from '../failures.js';
import { sendTokenRequest, type CapturedResponse } from '../oauth/index.js';
import {
  beginRedemption,
  failAuthorization,
  readAuthorization,
  readConnection,
  readTokenWithGrant,
  releaseRedemption,
  storeAnswer,
  StoreError,
  type ReadAuthorization,
  type ReadConnection,
  type ReadTokenWithGrant,
} from '../store/index.js';
import { METRICS, currentMeter } from '../tokens/index.js';
import { commitConsent } from './commit-consent.js';
import { ConsentRefusal, judgeAnswer, type JudgedAnswer } from './consent-answer.js';
import type { RedemptionDependencies } from './dependencies.js';
import { planRedemption, type RedemptionPlan } from './redemption-plan.js';
import { revokeRefused } from './revoke-refused.js';

/** An effect that something is done for; the others end the run. */
export type ActiveRedemptionEffect = Exclude<RedemptionEffect, { do: 'return' | 'fail' }>;
type Effect<Kind extends ActiveRedemptionEffect['do']> = Extract<
  ActiveRedemptionEffect,
  { do: Kind }
>;

/** A longer wait is a retryable failure with `nextRetryDelay`, so that it holds no slot. */
const MAX_WAIT_INSIDE_MS = 5_000;
const STORE_PAUSE_MS = 500;
/** A consent is worth waiting for MongoDB this long. */
const STORE_GIVE_UP_MS = 10 * 60_000;

/**
 * Carries out the redemption machine's effects and says what came of them. It decides nothing, and
 * it is the one place that holds a code or its answer: no effect or event has them.
 */
export class RedemptionEffects {
  readonly #dependencies: RedemptionDependencies;
  readonly #authorizationId: string;
  #authorization: ReadAuthorization | null = null;
  #read: ReadConnection | null = null;
  #token: ReadTokenWithGrant | null = null;
  #plan: RedemptionPlan | null = null;
  #attempt: { id: string; sentAt: Date } | null = null;
  #response: CapturedResponse | null = null;
  #judged: JudgedAnswer | null = null;
  #refusal: ConsentRefusal | null = null;
  #latencyMs = 0;
  #httpStatus: number | null = null;
  #planError: Error | null = null;

  constructor(dependencies: RedemptionDependencies, authorizationId: string) {
    this.#dependencies = dependencies;
    this.#authorizationId = authorizationId;
  }

  get record(): AuthorizationRecord | null {
    return this.#authorization?.record ?? null;
  }

  get token(): ReadTokenWithGrant | null {
    return this.#token;
  }

  /** Status of the last refusal. */
  get httpStatus(): number | null {
    return this.#httpStatus;
  }

  /** Why the request could not be prepared. */
  get planError(): Error | null {
    return this.#planError;
  }

  /** @throws what a store or a bug throws; whatever the protocol expects is an event */
  carryOut(effect: ActiveRedemptionEffect): Promise<RedemptionEvent> {
    switch (effect.do) {
      case 'read':
        return this.#look();
      case 'wait':
        return this.#wait(effect);
      case 'plan':
        return this.#prepare();
      case 'write_intent':
        return this.#writeIntent(effect);
      case 'send':
        return this.#send();
      case 'store_answer':
        return this.#store(effect);
      case 'release':
        return this.#release(effect);
      case 'validate':
        return this.#validate();
      case 'commit':
        return this.#commit();
      case 'revoke_answer':
        return this.#revoke();
      case 'end':
        return this.#end(effect);
    }
  }

  async #look(): Promise<RedemptionEvent> {
    const { database } = this.#dependencies;
    const askedAt = performance.now();
    this.#authorization = await readAuthorization(database, this.#authorizationId);
    this.#latencyMs = performance.now() - askedAt;
    this.#attempt = null;
    const { connectionId = '' } = this.record ?? {};
    [this.#read, this.#token] = await Promise.all([
      readConnection(database, connectionId),
      readTokenWithGrant(database, connectionId),
    ]);
    const incarnation = this.#read === null ? null : (this.#token?.record.incarnation ?? null);
    const { record } = this;
    const superseded =
      record !== null && this.#read !== null && this.#token !== null
        ? isSuperseded(record, this.#token.record, this.#read.connection.grant)
        : false;
    return { type: 'read', record, incarnation, superseded };
  }

  /** Waits a moment inside the activity, or says when to come back. */
  async #wait({ until }: Effect<'wait'>): Promise<RedemptionEvent> {
    const { now, connectionId } = present(this.record);
    const waitMs = until - now;
    if (waitMs > MAX_WAIT_INSIDE_MS) {
      const about = { connectionId, nextRetryDelayMs: waitMs };
      throw recordedFailure('Token.refresh_in_progress', about);
    }
    await pause(Math.max(waitMs, 10));
    return { type: 'waited' };
  }

  async #prepare(): Promise<RedemptionEvent> {
    const [read, authorization] = [present(this.#read), present(this.#authorization)];
    try {
      this.#plan = await planRedemption(this.#dependencies, read, authorization);
      return { type: 'planned' };
    } catch (error) {
      const failureType = failureTypeOf(error);
      if (!(error instanceof Error) || failureType === null) throw error;
      if (failureType === 'Store.unavailable') throw error;
      this.#planError = error;
      return { type: 'not_planned', failureType, final: failureType !== 'Store.key_unavailable' };
    }
  }

  async #writeIntent({ record }: Effect<'write_intent'>): Promise<RedemptionEvent> {
    const { database, worker } = this.#dependencies;
    const { requestTimeoutMs } = present(this.#plan).connection.authorizationServer;
    const budget = requestBudget(requestTimeoutMs, 1, this.#latencyMs);
    const attemptId = randomUUID();
    const askedAt = performance.now();
    const begin = { attemptId, worker, budgetMs: budget.attemptMs };
    const intent = await beginRedemption(database, record, begin);
    this.#attempt = intent === null ? null : { id: attemptId, sentAt: intent.sentAt };
    const late = performance.now() - askedAt > budget.sendWithinMs;
    return { type: 'intent', written: intent !== null, late };
  }

  /** Neither cancellation nor shutdown reaches in here: a code is spent by being sent. */
  async #send(): Promise<RedemptionEvent> {
    const { network } = this.#dependencies;
    const { request, connection } = present(this.#plan);
    const { requestTimeoutMs: timeoutMs } = connection.authorizationServer;
    const answer = await sendTokenRequest(request, { timeoutMs, network });
    if (answer.kind === 'failed') {
      const { certainty, code, retryAfterMs, mayStillRun, httpStatus } = answer.failure;
      this.#httpStatus = httpStatus;
      count(code);
      return { type: 'failed', request: { certainty, code, retryAfterMs, mayStillRun } };
    }
    this.#response = answer.response;
    const { notes, problem } = answer.response;
    count(problem ?? 'issued');
    if (notes.length > 0 || problem !== null) {
      const { connectionId } = connection;
      // Names of members and of what is odd about them, never a value.
      log.warn('The token endpoint sent an odd answer', { connectionId, notes, problem });
    }
    return { type: 'captured' };
  }

  /** Again and again while MongoDB cannot be reached: this process holds the only copy. */
  async #store({ record }: Effect<'store_answer'>): Promise<RedemptionEvent> {
    const { database } = this.#dependencies;
    const { sealer, connection } = present(this.#plan);
    const place = { database, record, connection };
    const answer = await sealAnswer(sealer, place, present(this.#response));
    const kept = { answer, attempt: present(this.#attempt) };
    const giveUpAt = performance.now() + STORE_GIVE_UP_MS;
    for (;;) {
      try {
        await storeAnswer(database, record.authorizationId, kept);
        return { type: 'stored' };
      } catch (error) {
        if (!(error instanceof StoreError) || performance.now() > giveUpAt) throw error;
        log.warn('A consent waits for MongoDB to be written', {
          connectionId: record.connectionId,
        });
        await pause(STORE_PAUSE_MS);
      }
    }
  }

  async #release({ record, release }: Effect<'release'>): Promise<RedemptionEvent> {
    const { unknown, intervalMs, pollInMs } = release;
    const attemptId = present(this.#attempt).id;
    const end = { attemptId, unknown, intervalMs, pollInMs };
    const written = await releaseRedemption(this.#dependencies.database, record, end);
    return { type: 'released', written };
  }

  async #validate(): Promise<RedemptionEvent> {
    try {
      this.#judged = await judgeAnswer(this.#dependencies, this.#consent());
      return { type: 'valid' };
    } catch (error) {
      if (error instanceof ConsentRefusal) {
        this.#refusal = error;
        const { failureType, temporary } = error;
        return temporary
          ? { type: 'not_validated', failureType, retryInMs: null }
          : { type: 'invalid', failureType };
      }
      // What does not open with its key was changed or moved, or the connection leads elsewhere.
      const unreadable = error instanceof StoreError && error.code === 'unreadable';
      if (!unreadable) throw error;
      return { type: 'invalid', failureType: 'Store.unreadable' };
    }
  }

  async #commit(): Promise<RedemptionEvent> {
    const written = await commitConsent(this.#dependencies, this.#consent(), present(this.#judged));
    return { type: 'committed', written };
  }

  async #revoke(): Promise<RedemptionEvent> {
    await revokeRefused(this.#dependencies, this.#consent(), this.#refusal);
    return { type: 'revoked' };
  }

  async #end({ record, type }: Effect<'end'>): Promise<RedemptionEvent> {
    const attemptId = this.#attempt?.id ?? null;
    const ended = await failAuthorization(this.#dependencies.database, record, {
      ...{ type, attemptId },
    });
    if (ended) {
      log.warn('A consent brought no tokens', { connectionId: record.connectionId, reason: type });
    }
    return { type: 'ended' };
  }

  #consent() {
    return {
      read: present(this.#read),
      authorization: present(this.#authorization),
      token: present(this.#token),
    };
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What an earlier effect brought; the machine never asks for one before the other. */
function present<T>(value: T | null): T {
  if (value === null) throw new TypeError('An effect came before what it needs.');
  return value;
}

function count(outcome: string): void {
  currentMeter()?.createCounter(METRICS.tokenRequests, '1').add(1, { outcome });
}
