import {
  CancellationScope,
  condition,
  executeChild,
  isCancellation,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import {
  authorizationWorkflowId,
  REDEEM_AUTHORIZATION_WORKFLOW,
  type AuthorizationStatus,
  type DeviceAuthorization,
  type RedeemAuthorizationInput,
  type StartDeviceAuthorizationInput,
} from '../contract/consent-messages.js';
import type { TokenRef } from '../contract/messages.js';
import { issueTaskQueue } from '../contract/names.js';
import { applicationFailureOf, passedOn } from './failure-cause.js';
import { START_DEVICE_OPTIONS } from './options.js';
import type { WakeUp } from './parked-call.js';

/** Ends of an authorization after which the person is asked again. */
const ASK_AGAIN = new Set([
  ...['Authorization.expired', 'Authorization.lost', 'Authorization.superseded'],
]);

interface DeviceActivities {
  startDeviceAuthorization(input: StartDeviceAuthorizationInput): Promise<DeviceAuthorization>;
}

type RedeemAuthorizationWorkflow = (input: RedeemAuthorizationInput) => Promise<TokenRef>;

/** How the child that polls for the consent ended. */
type RedemptionEnd = { token: TokenRef } | { error: unknown };

/** One device authorization: a user code that a person enters, and the child that polls for it. */
export class DeviceConsent {
  readonly #connectionId: string;
  readonly #acceptNewSubject: boolean;
  #authorizationId = '';

  constructor(connectionId: string, acceptNewSubject: boolean) {
    this.#connectionId = connectionId;
    this.#acceptNewSubject = acceptNewSubject;
  }

  /** Asks the authorization server for a user code; what the person is shown. */
  async begin(leftMs: number): Promise<Partial<AuthorizationStatus>> {
    const { startDeviceAuthorization } = proxyActivities<DeviceActivities>({
      ...START_DEVICE_OPTIONS,
      scheduleToCloseTimeout: leftMs,
      taskQueue: issueTaskQueue(workflowInfo().taskQueue),
      summary: 'ask for a user code',
    });
    const input = { connectionId: this.#connectionId, acceptNewSubject: this.#acceptNewSubject };
    const device = await startDeviceAuthorization(input).catch((error: unknown) => {
      throw passedOn(error, this.#connectionId);
    });
    this.#authorizationId = device.authorizationId;
    const { userCode, verificationUri, verificationUriComplete, expiresAt } = device;
    return { userCode, verificationUri, verificationUriComplete, expiresAt };
  }

  /**
   * Waits until the person has entered the code.
   *
   * @returns the token's ref; null: another code is needed, the time is over, or somebody has authorized
   *   the connection in another way
   * @throws ApplicationFailure `Authorization.denied` and the other ends of an authorization
   */
  async redeemed(wakeUp: WakeUp, heard: number, leftMs: number): Promise<TokenRef | null> {
    let end: RedemptionEnd | null = null;
    const ended = (): RedemptionEnd | null => end;
    const scope = new CancellationScope({ cancellable: true });
    void scope
      .run(() => this.#redeem())
      .then(
        (token) => (end = { token }),
        (error: unknown) => (end = { error }),
      );
    const summary = 'last moment for the person';
    try {
      await condition(() => end !== null || wakeUp.count > heard, leftMs, { summary });
    } catch (error) {
      // The child is cancelled with this workflow; only while this one runs does it hear of it.
      await CancellationScope.nonCancellable(() => condition(() => end !== null));
      throw error;
    }
    const seen = ended();
    if (seen === null) {
      // Woken, it may be by this very child, which is not disturbed in its last steps.
      if (wakeUp.count === heard) scope.cancel();
      return null;
    }
    if ('token' in seen) return seen.token;
    const type = applicationFailureOf(seen.error)?.type;
    if (typeof type === 'string' && ASK_AGAIN.has(type)) return null;
    throw isCancellation(seen.error) ? seen.error : passedOn(seen.error, this.#connectionId);
  }

  #redeem(): Promise<TokenRef> {
    const authorizationId = this.#authorizationId;
    return executeChild<RedeemAuthorizationWorkflow>(REDEEM_AUTHORIZATION_WORKFLOW, {
      workflowId: authorizationWorkflowId(authorizationId),
      args: [{ connectionId: this.#connectionId, authorizationId }],
      // Whoever has entered the code is not sent away because nobody waits any more.
      parentClosePolicy: 'ABANDON',
    });
  }
}
