import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  proxyActivities,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { IssueActivities } from '../activities/index.js';
import type {
  ConnectionStatus,
  EnsureTokenInput,
  EnsureTokenResult,
  LifecycleView,
} from '../contract/messages.js';
import { issueTaskQueue } from '../contract/names.js';
import { lifecycleDetails } from './lifecycle-details.js';
import { READ_OPTIONS, TIMEOUTS } from './options.js';
import { TokenIssue } from './token-issue.js';

const STATE_ATTRIBUTE = defineSearchAttributeKey('OAuthTokenState', SearchAttributeType.KEYWORD);
const FAILURE_ATTRIBUTE = defineSearchAttributeKey('OAuthFailureType', SearchAttributeType.KEYWORD);

/** What one run of the lifecycle knows: little, because MongoDB is the truth; and no secret. */
export class LifecycleRun {
  readonly #connectionId: string;
  /** The record as it was last seen; null: not looked at yet. */
  #view: LifecycleView | null = null;
  #issue: TokenIssue | null = null;
  #attributes = '';
  /** Workflow time before which the lifecycle does not refresh by itself. */
  #notBefore = 0;

  /** The record has to be looked at again. */
  needsLook = false;
  /** The run is about to end: messages are answered at once. */
  draining = false;
  /** Workflow time of the last message. */
  lastUsedAt = Date.now();
  /** Workflow time at which the next refresh is due; null: callers say when. */
  dueAt: number | null = null;

  constructor(connectionId: string) {
    this.#connectionId = connectionId;
  }

  /** A token request is under way. */
  get issuing(): boolean {
    return this.#issue !== null;
  }

  /** Nothing is known of the record yet, and no token request brings news of it. */
  get unseen(): boolean {
    return this.#view === null && this.#issue === null;
  }

  /** The connection was removed. */
  get gone(): boolean {
    return this.#view !== null && this.#view.status === null;
  }

  get refreshesAhead(): boolean {
    return this.#view?.refresh === 'ahead';
  }

  /** The `ensureToken` handler: joins the token request under way, or starts it. */
  async ensureToken(input: EnsureTokenInput): Promise<EnsureTokenResult> {
    this.lastUsedAt = Date.now();
    if (this.draining || workflowInfo().continueAsNewSuggested) {
      return { outcome: 'in_progress', token: null, failure: null, retryAt: null };
    }
    const timed = this.#issue !== null || this.#view?.slowServer === true;
    return (this.#issue ?? this.#start(input)).answer(timed);
  }

  /** The `configure` handler: a request that waits for its next attempt waits for the past. */
  configure(): void {
    this.lastUsedAt = Date.now();
    this.needsLook = true;
    this.#issue?.cancel();
  }

  /** The `status` query. */
  status(): ConnectionStatus {
    return this.#view?.status ?? unseenStatus(this.#connectionId);
  }

  /** Looks at the record. */
  async look(): Promise<void> {
    this.needsLook = false;
    const { readLifecycle } = proxyActivities<IssueActivities>({
      ...READ_OPTIONS,
      taskQueue: issueTaskQueue(workflowInfo().taskQueue),
      summary: 'look at the record',
    });
    this.#see(await readLifecycle({ connectionId: this.#connectionId }));
  }

  /** Refreshes ahead of expiry. */
  refreshAhead(): void {
    const { epoch, generation } = this.status();
    const reason = generation === 0 ? 'missing' : 'stale';
    if (this.#issue === null) this.#start({ epoch, generation, minValidMs: 0, reason });
  }

  /** Answers everybody who waits, so that the run can end. */
  drain(): void {
    this.draining = true;
    this.#issue?.release();
  }

  #start(input: EnsureTokenInput): TokenIssue {
    const issue = new TokenIssue(this.#connectionId, input);
    this.#issue = issue;
    const onFirstFailure = (): void => {
      this.needsLook = true;
    };
    void issue.run(onFirstFailure).then(({ view, failed }) => {
      this.#issue = null;
      this.lastUsedAt = Date.now();
      if (view !== null) this.#see(view);
      else this.needsLook = true;
      // What fails for good is not asked again by the lifecycle itself in a tight loop.
      if (failed) this.#notBefore = Date.now() + TIMEOUTS.afterFailureMs;
    });
    return issue;
  }

  #see(view: LifecycleView): void {
    this.#view = view;
    const { refreshInMs, status } = view;
    this.dueAt = refreshInMs === null ? null : Math.max(Date.now() + refreshInMs, this.#notBefore);
    setCurrentDetails(lifecycleDetails(view));
    if (!view.searchAttributes || status === null) return;
    const failureType = status.lastOutcome?.type ?? null;
    const attributes = `${status.state} ${failureType ?? ''}`;
    if (attributes === this.#attributes) return;
    this.#attributes = attributes;
    upsertSearchAttributes([
      { key: STATE_ATTRIBUTE, value: status.state },
      { key: FAILURE_ATTRIBUTE, value: failureType },
    ]);
  }
}

function unseenStatus(connectionId: string): ConnectionStatus {
  return {
    connectionId,
    state: 'active',
    epoch: 1,
    generation: 0,
    tokenType: null,
    scope: null,
    issuedAt: null,
    expiresAt: null,
    refreshAfter: null,
    nextRefreshAt: null,
    failures: 0,
    retryAt: null,
    invalid: null,
    lastOutcome: null,
  };
}
