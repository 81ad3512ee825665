import {
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  workflowInfo,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { IssueActivities } from '../activities/index.js';
import type { LifecycleView, RevokeEpochInput } from '../contract/messages.js';
import { issueTaskQueue } from '../contract/names.js';
import { applicationFailureOf } from './failure-cause.js';
import { FIRST_REVOKE_OPTIONS, REVOKE_OPTIONS, TIMEOUTS } from './options.js';

/**
 * A revocation under way. Like a token request its first attempt is an activity of its own, so that
 * whoever asked learns of its end at once; the retries are a second one, for as long as it takes.
 */
export class TokenRevocation {
  readonly #input: RevokeEpochInput;
  #scope: CancellationScope | null = null;
  #firstEnded = false;

  constructor(connectionId: string, epoch: number) {
    this.#input = { connectionId, epoch, priorAttempts: 0 };
  }

  /**
   * Runs to its end. What cancels the workflow does not reach it; {@link cancel} does.
   *
   * @returns the record as it is then; null: the server refused for good, or it was cancelled
   */
  run(onFirstFailure: () => void): Promise<{ view: LifecycleView | null; failed: boolean }> {
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

  /** Waits for the end of the first attempt, or for as long as a caller may be kept waiting. */
  async firstAttempt(): Promise<void> {
    if (this.#firstEnded) return;
    await condition(() => this.#firstEnded, TIMEOUTS.joinedWaitMs, {
      summary: 'longest wait of callers',
    });
  }

  async #attempts(onFirstFailure: () => void) {
    try {
      const view = await this.#activity(FIRST_REVOKE_OPTIONS, this.#input);
      this.#firstEnded = true;
      return { view, failed: false };
    } catch (error) {
      this.#firstEnded = true;
      if (isCancellation(error)) return { view: null, failed: false };
      // The server refused for good: it is for an operator, not for the next attempt.
      if (applicationFailureOf(error)?.nonRetryable === true) return { view: null, failed: true };
    }
    onFirstFailure();
    try {
      const view = await this.#activity(REVOKE_OPTIONS, { ...this.#input, priorAttempts: 1 });
      return { view, failed: false };
    } catch (error) {
      return { view: null, failed: !isCancellation(error) };
    }
  }

  #activity(options: ActivityOptions, input: RevokeEpochInput): Promise<LifecycleView> {
    const { revokeToken } = proxyActivities<IssueActivities>({
      ...options,
      taskQueue: issueTaskQueue(workflowInfo().taskQueue),
      summary: `revoke the tokens of epoch ${input.epoch}`,
    });
    return revokeToken(input);
  }
}
