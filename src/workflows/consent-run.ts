import { proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { IssueActivities } from '../activities/index.js';
import type { TokenActivities } from '../activities/token-activities.js';
import type {
  AuthorizationStatus,
  AuthorizeConnectionInput,
  ConsentView,
} from '../contract/consent-messages.js';
import type { TokenRef } from '../contract/messages.js';
import { issueTaskQueue } from '../contract/names.js';
import { failure } from '../failures.js';
import { consentDetails } from './consent-details.js';
import { DeviceConsent } from './device-consent.js';
import { applicationFailureOf, passedOn } from './failure-cause.js';
import { GET_ACCESS_TOKEN_OPTIONS, READ_OPTIONS, TIMEOUTS } from './options.js';
import { WakeUp } from './parked-call.js';

const NOTHING_TO_SHOW = {
  userCode: null,
  verificationUri: null,
  verificationUriComplete: null,
  expiresAt: null,
};

/** One wait for a person's consent. It holds no secret: a user code is shown to people. */
export class ConsentRun {
  readonly #input: AuthorizeConnectionInput;
  readonly #deadline: number;
  readonly #wakeUp: WakeUp;
  /** Only a consent later than this epoch's will do; null: any. */
  #afterEpoch: number | null;
  #status: AuthorizationStatus;

  constructor(input: AuthorizeConnectionInput) {
    this.#input = input;
    const { connectionId, timeoutMs = TIMEOUTS.authorizeTimeoutMs, afterEpoch = null } = input;
    this.#deadline = Date.now() + timeoutMs;
    this.#afterEpoch = afterEpoch;
    this.#wakeUp = new WakeUp(connectionId);
    const deadline = new Date(this.#deadline).toISOString();
    this.#status = { connectionId, phase: 'starting', ...NOTHING_TO_SHOW, deadline };
  }

  /** The `authorization` query. */
  get status(): AuthorizationStatus {
    return this.#status;
  }

  /** What a run that continues as new goes on with. */
  rest(): AuthorizeConnectionInput {
    const { connectionId, acceptNewSubject } = this.#input;
    return {
      connectionId,
      timeoutMs: Math.max(this.#deadline - Date.now(), 1),
      ...(this.#afterEpoch === null ? {} : { afterEpoch: this.#afterEpoch }),
      ...(acceptNewSubject === undefined ? {} : { acceptNewSubject }),
    };
  }

  /**
   * Waits until the connection is authorized.
   *
   * @param isLong - the run is to go on as a new one
   * @returns the token's ref; null: it is to go on as a new one
   */
  async wait(isLong: () => boolean): Promise<TokenRef | null> {
    if (this.#input.reauthorize === true && this.#afterEpoch === null) {
      this.#afterEpoch = (await this.#look(false)).epoch;
    }
    for (let looks = 0; !isLong(); looks += 1) {
      const heard = this.#wakeUp.count;
      const view = await this.#look(true);
      const token = view.authorized ? await this.#token() : null;
      if (token !== null) return this.#done(token);
      const { connectionId } = this.#input;
      if (Date.now() >= this.#deadline) throw failure('Authorization.expired', { connectionId });
      const redeemed = await this.#ask(view, heard, looks);
      if (redeemed !== null) return this.#done(redeemed);
    }
    return null;
  }

  #done(token: TokenRef): TokenRef {
    this.#show({ phase: 'authorized', ...NOTHING_TO_SHOW });
    return token;
  }

  /** Waits for the person; null: look at the record. */
  async #ask(view: ConsentView, heard: number, looks: number): Promise<TokenRef | null> {
    const leftMs = this.#deadline - Date.now();
    const { connectionId, acceptNewSubject = false } = this.#input;
    if (view.grantType === 'device_code') {
      const consent = new DeviceConsent(connectionId, acceptNewSubject);
      this.#show({ phase: 'device', ...(await consent.begin(leftMs)) });
      return consent.redeemed(this.#wakeUp, heard, leftMs);
    }
    this.#show({ phase: 'waiting', ...NOTHING_TO_SHOW });
    const pauseMs = TIMEOUTS.firstConsentLookMs * 2 ** Math.min(looks, 16);
    const waitMs = Math.min(pauseMs, TIMEOUTS.longestConsentLookMs, leftMs);
    await this.#wakeUp.heardAfter(heard, waitMs, 'wait for a person; then look by oneself');
    return null;
  }

  #look(park: boolean): Promise<ConsentView> {
    const { readConsent } = proxyActivities<IssueActivities>({
      ...READ_OPTIONS,
      taskQueue: issueTaskQueue(workflowInfo().taskQueue),
      summary: 'is the connection authorized?',
    });
    const { connectionId } = this.#input;
    return readConsent({ connectionId, afterEpoch: this.#afterEpoch, park }).catch(
      (error: unknown) => {
        throw passedOn(error, connectionId);
      },
    );
  }

  /** The token of the consent that is there; null: its grant is dead already. */
  async #token(): Promise<TokenRef | null> {
    const { connectionId } = this.#input;
    const { getAccessToken } = proxyActivities<TokenActivities>({
      ...GET_ACCESS_TOKEN_OPTIONS,
      scheduleToCloseTimeout: Math.max(this.#deadline - Date.now(), 1),
      summary: `Valid token of ${connectionId}`,
    });
    try {
      return await getAccessToken({ connectionId });
    } catch (error) {
      const type = applicationFailureOf(error)?.type;
      if (type === 'Token.reauthorization_required') return null;
      throw passedOn(error, connectionId);
    }
  }

  #show(change: Partial<AuthorizationStatus>): void {
    this.#status = { ...this.#status, ...change };
    setCurrentDetails(consentDetails(this.#status));
  }
}
