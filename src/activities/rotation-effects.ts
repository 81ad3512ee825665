import { randomUUID } from 'node:crypto';
import { log } from '@temporalio/activity';
import { requestBudget } from '../contract/budgets.js';
import type { StoredConnection } from '../contract/connection-record.js';
import { isRepeatable } from '../contract/decide-issue.js';
import { candidateLifeMs } from '../contract/rotation-profile.js';
import type { RotationEffect, RotationEvent } from '../contract/rotation-steps.js';
import { mayShareGrant } from '../contract/shared-grant.js';
import { failureTypeOf, recordedFailure } from '../failures.js';
import { sendTokenRequest, type CapturedResponse } from '../oauth/index.js';
import {
  announceTakeover,
  beginAttempt,
  endAttempt,
  readConnection,
  readTokenWithGrant,
  type ReadConnection,
  type ReadTokenWithGrant,
} from '../store/index.js';
import { METRICS, currentMeter } from '../tokens/index.js';
import { commitAnswer, type WrittenIntent } from './commit-answer.js';
import { consentedBy } from './consented-by.js';
import type { IssueDependencies } from './dependencies.js';
import { planRequest, type RequestPlan } from './plan-request.js';
import { revokeOrphan } from './revoke-orphan.js';
import { replayAttempt } from './replay-journal.js';

/** An effect that something is done for; the others end the run. */
export type ActiveEffect = Exclude<RotationEffect, { do: 'return' | 'fail' }>;
type Effect<Kind extends ActiveEffect['do']> = Extract<ActiveEffect, { do: Kind }>;

/** A longer wait is a retryable failure with `nextRetryDelay`, so that it holds no slot. */
const MAX_WAIT_INSIDE_MS = 5_000;

/**
 * Carries out the rotation machine's effects and says what came of them. It decides nothing, and it
 * is the one place that holds the tokens of a request: no effect or event has them.
 */
export class RotationEffects {
  readonly #dependencies: IssueDependencies;
  readonly #connectionId: string;
  #read: ReadConnection | null = null;
  #token: ReadTokenWithGrant | null = null;
  #plan: RequestPlan | null = null;
  #attempt: WrittenIntent | null = null;
  #response: CapturedResponse | null = null;
  /** Monotonic time the last request was sent at. */
  #sentAtMs = 0;
  /** Monotonic time after which the first request of the attempt is not begun any more. */
  #sendBeforeMs = 0;
  /** How long MongoDB took for one read. */
  #latencyMs = 0;
  /** Id of the next attempt, for which the journal has space. */
  #attemptId = '';
  /** An answer is in the journal that could not be committed. */
  #uncommitted = false;
  #planError: Error | null = null;
  #httpStatus: number | null = null;

  constructor(dependencies: IssueDependencies, connectionId: string) {
    this.#dependencies = dependencies;
    this.#connectionId = connectionId;
  }

  get read(): ReadConnection | null {
    return this.#read;
  }

  get token(): ReadTokenWithGrant | null {
    return this.#token;
  }

  get connection(): StoredConnection | undefined {
    return this.#read?.connection;
  }

  /** Why the request could not be prepared. */
  get planError(): Error | null {
    return this.#planError;
  }

  /** Status of the last refusal. */
  get httpStatus(): number | null {
    return this.#httpStatus;
  }

  /** Gives back the space in the journal, unless an answer waits there for MongoDB. */
  async close(): Promise<void> {
    if (!this.#uncommitted) await this.#dependencies.journal?.release(this.#attemptId);
  }

  /** @throws what a store or a bug throws; whatever the protocol expects is an event */
  carryOut(effect: ActiveEffect): Promise<RotationEvent> {
    switch (effect.do) {
      case 'read':
        return this.#look();
      case 'wait':
        return this.#wait(effect);
      case 'plan':
        return this.#prepare();
      case 'announce_takeover':
        return this.#announce(effect);
      case 'write_intent':
        return this.#writeIntent(effect);
      case 'send':
        return this.#send(effect);
      case 'commit':
      case 'commit_sibling':
        return this.#commit(effect);
      case 'end_attempt':
        return this.#end(effect);
    }
  }

  async #look(): Promise<RotationEvent> {
    const { database } = this.#dependencies;
    const readAt = performance.now();
    // The record first: what a `put` in between changes is then newer than the record, never older.
    this.#token = await readTokenWithGrant(database, this.#connectionId);
    this.#latencyMs = performance.now() - readAt;
    this.#read = await readConnection(database, this.#connectionId);
    const record = this.#read === null ? null : (this.#token?.record ?? null);
    return { type: 'read', record };
  }

  /** Waits a moment inside the activity, or says when to come back. */
  async #wait({ until, type }: Effect<'wait'>): Promise<RotationEvent> {
    const waitMs = until - present(this.#token).record.now;
    if (waitMs > MAX_WAIT_INSIDE_MS) {
      const connectionId = this.#connectionId;
      throw recordedFailure(type, { connectionId, nextRetryDelayMs: waitMs });
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(waitMs, 10)));
    return { type: 'waited' };
  }

  /** Step S1. */
  async #prepare(): Promise<RotationEvent> {
    try {
      this.#plan = await planRequest(this.#dependencies, present(this.#read), present(this.#token));
      await this.#reserve(this.#plan);
    } catch (error) {
      const failureType = failureTypeOf(error);
      if (!(error instanceof Error) || failureType === null) throw error;
      if (failureType === 'Store.unavailable') throw error;
      this.#planError = error;
      const final = failureType !== 'Store.key_unavailable';
      return { type: 'not_planned', failureType, final };
    }
    const { requests } = this.#plan;
    const usesRefreshToken = requests[0]?.refreshToken !== null;
    return { type: 'planned', usesRefreshToken, fallbacks: requests.length - 1 };
  }

  async #announce(effect: Effect<'announce_takeover'>): Promise<RotationEvent> {
    const { database, worker } = this.#dependencies;
    const { record, attemptId, atRisk } = effect;
    if (await this.#replay(attemptId)) return { type: 'takeover_announced' };
    await announceTakeover(database, record, { attemptId, by: worker, atRisk });
    return { type: 'takeover_announced' };
  }

  /** Step S2, and the measure for step S3. */
  async #writeIntent({ record, replaces }: Effect<'write_intent'>): Promise<RotationEvent> {
    const { database, worker } = this.#dependencies;
    if (replaces !== null && (await this.#replay(replaces.id))) {
      return { type: 'intent', written: false, late: false };
    }
    const plan = present(this.#plan);
    const { requestTimeoutMs } = plan.connection.authorizationServer;
    const budget = requestBudget(requestTimeoutMs, plan.requests.length, this.#latencyMs);
    const id = this.#attemptId;
    const askedAt = performance.now();
    const intent = await beginAttempt(database, record, {
      ...{ attemptId: id, worker, budgetMs: budget.attemptMs, replaces },
      failures: record.failures,
      candidateLifeMs: candidateLifeMs(plan.connection.grant.rotation),
    });
    const knownAtMs = performance.now();
    this.#attempt = intent === null ? null : { id, sentAt: intent.sentAt, knownAtMs };
    this.#sendBeforeMs = askedAt + budget.sendWithinMs;
    const late = knownAtMs > this.#sendBeforeMs;
    return { type: 'intent', written: intent !== null, late };
  }

  /**
   * Steps S4 and S5. Neither cancellation nor shutdown reaches in here: whoever has sent a refresh
   * token has to learn what became of it.
   */
  async #send({ request }: Effect<'send'>): Promise<RotationEvent> {
    const { network } = this.#dependencies;
    const { requests, connection } = present(this.#plan);
    const { requestTimeoutMs: timeoutMs } = connection.authorizationServer;
    this.#sentAtMs = performance.now();
    // Step S3 once more: the process may have stood still since the intent was acknowledged.
    if (this.#sentAtMs > this.#sendBeforeMs + request * timeoutMs) return NOT_SENT;
    const prepared = present(requests[request] ?? null).request;
    const answer = await sendTokenRequest(prepared, { timeoutMs, network });
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
      // Names of members and of what is odd about them, never a value.
      const connectionId = this.#connectionId;
      log.warn('The token endpoint sent an odd answer', { connectionId, notes, problem });
    }
    return { type: 'captured' };
  }

  /** Steps S6 and S7. */
  async #commit(effect: Effect<'commit' | 'commit_sibling'>): Promise<RotationEvent> {
    const plan = present(this.#plan);
    this.#uncommitted = true;
    const committed = await commitAnswer(this.#dependencies, {
      plan,
      record: effect.record,
      siblingGeneration: effect.do === 'commit_sibling' ? effect.generation : null,
      response: present(this.#response),
      attempt: present(this.#attempt),
      sentAtMs: this.#sentAtMs,
      sentRefreshToken: present(plan.requests[effect.request] ?? null).refreshToken,
    });
    this.#uncommitted = false;
    if (committed.result !== 'orphaned') return { type: 'committed', ...committed };
    const response = present(this.#response);
    if (await this.#mayEndLaterConsent(effect.record.epoch)) {
      const connectionId = this.#connectionId;
      log.warn('An answer came too late to be used, and is forgotten', { connectionId });
    } else {
      await revokeOrphan(this.#dependencies, { plan, response, refreshTokenKept: committed.kept });
    }
    return { type: 'committed', result: 'moved' };
  }

  /** To have the server end what came too late could end what a person has just consented to. */
  async #mayEndLaterConsent(epoch: number): Promise<boolean> {
    const now = await readTokenWithGrant(this.#dependencies.database, this.#connectionId);
    if (now === null || now.consent === null || now.record.epoch === epoch) return false;
    const [before, after] = await Promise.all(
      // Who it was cannot be told without the key: then it may be the same person.
      [present(this.#token), now].map((read) =>
        consentedBy(this.#dependencies, read).catch(() => null),
      ),
    );
    return mayShareGrant(before ?? null, after ?? null);
  }

  /** The last of step S1: from here on a full disk cannot lose an answer. */
  async #reserve({ connection }: RequestPlan): Promise<void> {
    await this.close();
    this.#attemptId = randomUUID();
    if (!isRepeatable(connection.grant)) await this.#dependencies.journal?.reserve(this.#attemptId);
  }

  /** Rule R1: what the dead owner left on this disk. */
  async #replay(attemptId: string): Promise<boolean> {
    const { journal } = this.#dependencies;
    return journal !== null && replayAttempt({ ...this.#dependencies, journal }, attemptId);
  }

  async #end({ record, end }: Effect<'end_attempt'>): Promise<RotationEvent> {
    const { outcomeUnknown, mayStillRun, state, retryInMs, reason, dropGrant, type } = end.outcome;
    const attemptId = end.hasIntent ? present(this.#attempt).id : null;
    const ended = await endAttempt(this.#dependencies.database, record, {
      ...{ attemptId, type, outcomeUnknown, mayStillRun, state, retryInMs, reason, dropGrant },
      triedCandidates: record.candidates.map(({ attemptId: tried }) => tried),
    });
    if (ended !== undefined && reason !== null) {
      currentMeter()?.createCounter(METRICS.grantsLost, '1').add(1, { reason });
      log.warn('The grant is lost', { connectionId: this.#connectionId, reason });
    }
    return { type: 'ended', recorded: ended !== undefined };
  }
}

const NOT_SENT: RotationEvent = {
  type: 'failed',
  request: {
    ...{ certainty: 'not_sent', code: 'unreachable', retryAfterMs: null, mayStillRun: false },
  },
};

/** What an earlier effect brought; the machine never asks for one before the other. */
function present<T>(value: T | null): T {
  if (value === null) throw new TypeError('An effect came before what it needs.');
  return value;
}

function count(outcome: string): void {
  currentMeter()?.createCounter(METRICS.tokenRequests, '1').add(1, { outcome });
}
