import {
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  workflowInfo,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { IssueActivities } from '../activities/index.js';
import type {
  EnsureReason,
  EnsureTokenInput,
  EnsureTokenResult,
  IssueTokenInput,
  IssueTokenResult,
} from '../contract/messages.js';
import { issueTaskQueue } from '../contract/names.js';
import { applicationFailureOf } from './failure-cause.js';
import { FIRST_ISSUE_OPTIONS, ISSUE_OPTIONS, TIMEOUTS } from './options.js';

const IN_PROGRESS: EnsureTokenResult = {
  outcome: 'in_progress',
  token: null,
  failure: null,
  retryAt: null,
};

/** Why a token is requested, for people. */
const WHY: Record<EnsureReason, string> = {
  missing: 'there is none yet',
  stale: 'the token expires soon',
  expired: 'the token has expired',
  min_valid: 'a caller needs it valid for longer',
  rejected: 'the API refused the token, or it is invalid',
  forced: 'somebody asked for it',
  keep_alive: 'the refresh token must not lie idle',
};

/** How a token request ended for the lifecycle: with news of the record, or without. */
export interface IssueEnd {
  view: IssueTokenResult | null;
  /** It failed, rather than being cancelled: a refresh by oneself waits before the next. */
  failed: boolean;
}

/**
 * One token request under way. Its first attempt runs as an activity of its own, so that a failure
 * reaches everybody who waits at once and without a timer; the retries are a second activity, which
 * Temporal retries for a day.
 */
export class TokenIssue {
  readonly #input: IssueTokenInput;
  #scope: CancellationScope | null = null;
  /** The first attempt's answer, then the retries'. */
  readonly #answers: [EnsureTokenResult | null, EnsureTokenResult | null] = [null, null];
  #stage: 0 | 1 = 0;
  /** How often everybody who waited was sent away. */
  #releases = 0;

  constructor(connectionId: string, input: EnsureTokenInput) {
    const { epoch, generation, minValidMs, reason } = input;
    this.#input = { connectionId, epoch, generation, minValidMs, reason, priorAttempts: 0 };
  }

  /** Whether somebody has seen the token already that this request brings. */
  isBefore({ epoch, generation }: EnsureTokenInput): boolean {
    return epoch === this.#input.epoch && generation > this.#input.generation;
  }

  /** Runs to its end. What cancels the workflow does not reach it; {@link cancel} does. */
  run(onFirstFailure: () => void): Promise<IssueEnd> {
    return CancellationScope.nonCancellable(() => {
      const scope = new CancellationScope({ cancellable: true });
      this.#scope = scope;
      return scope.run(() => this.#attempts(onFirstFailure));
    });
  }

  /** Ends it between two attempts: what it waits for has changed. */
  cancel(): void {
    this.#scope?.cancel();
  }

  /**
   * Waits for the answer. Whoever started the request waits for its first attempt, which limits
   * itself; whoever joins, or asks a slow server, brings the timer that answers everybody.
   */
  async answer(timed: boolean): Promise<EnsureTokenResult> {
    const stage = this.#stage;
    const releases = this.#releases;
    const answered = (): boolean => this.#answers[stage] !== null || this.#releases > releases;
    if (timed || stage === 1) {
      const inTime = await condition(answered, TIMEOUTS.joinedWaitMs, {
        summary: 'longest wait of callers',
      });
      if (!inTime) this.release();
    } else {
      await condition(answered);
    }
    return this.#answers[stage] ?? IN_PROGRESS;
  }

  /** Answers everybody who waits with `in_progress`; the request goes on. */
  release(): void {
    this.#releases += 1;
  }

  async #attempts(onFirstFailure: () => void): Promise<IssueEnd> {
    try {
      return this.#succeeded(await this.#activity(FIRST_ISSUE_OPTIONS, this.#input));
    } catch (error) {
      const end = this.#failed(error);
      if (end !== null) return end;
    }
    this.#stage = 1;
    onFirstFailure();
    try {
      return this.#succeeded(
        await this.#activity(ISSUE_OPTIONS, { ...this.#input, priorAttempts: 1 }),
      );
    } catch (error) {
      return this.#failed(error) ?? { view: null, failed: true };
    }
  }

  #activity(options: ActivityOptions, input: IssueTokenInput): Promise<IssueTokenResult> {
    const { issueToken } = proxyActivities<IssueActivities>({
      ...options,
      taskQueue: issueTaskQueue(workflowInfo().taskQueue),
      summary: `request generation ${input.generation + 1}: ${WHY[input.reason]}`,
    });
    return issueToken(input);
  }

  #succeeded(result: IssueTokenResult): IssueEnd {
    const { outcome, token } = result;
    this.#answers[this.#stage] = { outcome, token, failure: null, retryAt: null };
    return { view: result, failed: false };
  }

  /** How it ended; null: the next attempt may do better. */
  #failed(error: unknown): IssueEnd | null {
    const cause = applicationFailureOf(error);
    if (isCancellation(error) || cause === null) {
      this.#answers[this.#stage] = IN_PROGRESS;
      return isCancellation(error) ? { view: null, failed: false } : null;
    }
    const final = cause.nonRetryable === true;
    const nextRetryDelay: unknown = cause.nextRetryDelay;
    const inMs = typeof nextRetryDelay === 'number' ? nextRetryDelay : null;
    this.#answers[this.#stage] = {
      outcome: 'failed',
      token: null,
      failure: { type: cause.type ?? 'OAuth.other', final },
      retryAt: inMs === null ? null : new Date(Date.now() + inMs).toISOString(),
    };
    return final ? { view: null, failed: true } : null;
  }
}
