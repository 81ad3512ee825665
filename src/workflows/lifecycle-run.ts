import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  condition,
  isCancellation,
  log,
  patched,
  proxyActivities,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { IssueActivities } from '../activities/index.js';
import { revokeResultOf } from '../contract/decide-revocation.js';
import type {
  ConnectionStatus,
  EnsureReason,
  EnsureTokenInput,
  EnsureTokenResult,
  LifecycleView,
  RevokeResult,
} from '../contract/messages.js';
import { issueTaskQueue } from '../contract/names.js';
import { failure } from '../failures.js';
import { lifecycleDetails } from './lifecycle-details.js';
import { ANNOUNCE_OPTIONS, READ_OPTIONS, TIMEOUTS } from './options.js';
import { TokenIssue } from './token-issue.js';
import { TokenRevocation } from './token-revocation.js';

const STATE_ATTRIBUTE = defineSearchAttributeKey('OAuthTokenState', SearchAttributeType.KEYWORD);
const FAILURE_ATTRIBUTE = defineSearchAttributeKey('OAuthFailureType', SearchAttributeType.KEYWORD);

/** What one run of the lifecycle knows: little, because MongoDB is the truth; and no secret. */
export class LifecycleRun {
  readonly #connectionId: string;
  /** The record as it was last seen; null: not looked at yet. */
  #view: LifecycleView | null = null;
  #issue: TokenIssue | null = null;
  #revocation: TokenRevocation | null = null;
  #attributes = '';
  /** Workflow time before which the lifecycle does not refresh by itself. */
  #notBefore = 0;
  /** Workflow time at which an idle refresh token has to be used; null: none has. */
  #keepAliveAt: number | null = null;

  /** The connection's tokens are to be revoked. */
  revoking = false;
  /** Workflow time before which the lifecycle does not ask for the revocation again. */
  revokeNotBefore = 0;
  /** An event is to be announced. */
  untold = false;
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

  /** A refresh that keeps the refresh token alive is due before an idle run would end. */
  get keepsAlive(): boolean {
    return this.#keepAliveAt !== null && this.#keepAliveAt <= Date.now() + TIMEOUTS.idleMs;
  }

  /** The authorization server is being asked to revoke. */
  get revocationUnderWay(): boolean {
    return this.#revocation !== null;
  }

  /** The `ensureToken` handler: joins the token request under way, or starts it. */
  async ensureToken(input: EnsureTokenInput): Promise<EnsureTokenResult> {
    this.lastUsedAt = Date.now();
    if (this.draining || workflowInfo().continueAsNewSuggested) {
      return { outcome: 'in_progress', token: null, failure: null, retryAt: null };
    }
    if (input.reason === 'forced' && this.#issue?.isBefore(input) && patched('forced')) {
      // Its token is stored and was seen: it is about to end, and is not what was asked for.
      const over = (): boolean => this.#issue?.isBefore(input) !== true;
      await condition(over, TIMEOUTS.joinedWaitMs, { summary: 'the request before this one' });
    }
    const timed = this.#issue !== null || this.#view?.slowServer === true;
    return (this.#issue ?? this.#start(input)).answer(timed);
  }

  /** The `configure` handler: a request that waits for its next attempt waits for the past. */
  configure(): void {
    this.lastUsedAt = Date.now();
    this.needsLook = true;
    this.revokeNotBefore = 0;
    this.#issue?.cancel();
    this.#revocation?.cancel();
  }

  /**
   * The `revoke` handler: says first that the tokens are revoked, then waits for the server's answer.
   *
   * @throws ApplicationFailure `Connection.not_found`
   */
  async revoke(): Promise<RevokeResult> {
    this.lastUsedAt = Date.now();
    // Whoever asks means the authorization there is now, and no later one.
    await this.look();
    const { state, epoch } = this.status();
    if (!this.gone && state !== 'revoking' && state !== 'revoked') await this.#begin(epoch);
    const connectionId = this.#connectionId;
    if (this.gone) throw failure('Connection.not_found', { connectionId });
    this.#issue?.cancel();
    const answersAtOnce = this.draining || workflowInfo().continueAsNewSuggested;
    if (this.revoking && !answersAtOnce) await this.startRevocation().firstAttempt();
    return revokeResultOf(this.status());
  }

  async #begin(epoch: number): Promise<void> {
    const { beginRevocation } = proxyActivities<IssueActivities>({
      ...READ_OPTIONS,
      taskQueue: issueTaskQueue(workflowInfo().taskQueue),
      summary: `epoch ${epoch} is revoked: nobody gets its tokens any more`,
    });
    const connectionId = this.#connectionId;
    this.#see(await beginRevocation({ connectionId, epoch, priorAttempts: 0 }));
  }

  /** Joins the revocation under way, or starts it. */
  startRevocation(): TokenRevocation {
    if (this.#revocation !== null) return this.#revocation;
    const revocation = new TokenRevocation(this.#connectionId, this.status().epoch);
    this.#revocation = revocation;
    const onFirstFailure = (): void => {
      this.needsLook = true;
    };
    void revocation.run(onFirstFailure).then(({ view, failed }) => {
      this.#revocation = null;
      this.lastUsedAt = Date.now();
      if (view !== null) this.#see(view);
      else this.needsLook = true;
      if (failed) this.revokeNotBefore = Date.now() + TIMEOUTS.revokeAgainMs;
    });
    return revocation;
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

  /** Begins the delivery of what is untold of the connection. */
  async announce(): Promise<void> {
    this.untold = false;
    const { announceEvents } = proxyActivities<IssueActivities>({
      ...ANNOUNCE_OPTIONS,
      taskQueue: issueTaskQueue(workflowInfo().taskQueue),
      summary: 'announce what has changed',
    });
    try {
      await announceEvents({ connectionId: this.#connectionId });
    } catch (error) {
      // Refreshing goes on; a worker's search finds what is untold.
      if (isCancellation(error)) throw error;
      log.warn('Events could not be announced', { connectionId: this.#connectionId });
    }
  }

  /** Refreshes ahead of expiry, or so that the refresh token does not expire unused. */
  refreshAhead(): void {
    const { epoch, generation } = this.status();
    const reason = generation === 0 ? 'missing' : this.#whyAhead();
    if (this.#issue === null) this.#start({ epoch, generation, minValidMs: 0, reason });
  }

  #whyAhead(): EnsureReason {
    return this.#keepAliveAt !== null && this.#keepAliveAt <= Date.now() ? 'keep_alive' : 'stale';
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
    const { refreshInMs, keepAliveInMs = null, status } = view;
    const timeOf = (inMs: number | null): number | null =>
      inMs === null ? null : Math.max(Date.now() + inMs, this.#notBefore);
    this.dueAt = timeOf(refreshInMs);
    // Both are news of a later version, which a run of an earlier one has answered without.
    this.#keepAliveAt = null;
    if (keepAliveInMs !== null && patched('keep-alive')) {
      this.#keepAliveAt = timeOf(keepAliveInMs);
      this.dueAt = Math.min(this.dueAt ?? Infinity, this.#keepAliveAt ?? Infinity);
    }
    this.revoking = status?.state === 'revoking' && patched('revocation');
    this.untold = view.untold === true && patched('events');
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
    refreshTokenExpiresAt: null,
    revocation: null,
  };
}
