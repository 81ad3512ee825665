import {
  CancellationScope,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setWorkflowOptions,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { IssueActivities } from '../activities/index.js';
import {
  authorizationWorkflowId,
  isAuthorizationId,
  type RedeemAuthorizationInput,
  type RedeemAuthorizationResult,
} from '../contract/consent-messages.js';
import type { TokenRef } from '../contract/messages.js';
import { CONNECTION_ID_RULE, isConnectionId, issueTaskQueue } from '../contract/names.js';
import { failure } from '../failures.js';
import { passedOn } from './failure-cause.js';
import { CONSENT_NOTICE_OPTIONS, REDEEM_OPTIONS } from './options.js';
import { redemptionDetails } from './redemption-details.js';
import { autoUpgrade } from './versioning.js';

/**
 * Redeems what a person has consented to, and starts the connection's next epoch with it: exchanges
 * a code, or asks until the person with a device has answered. One per authorization, workflow id
 * `oauth-authorization/<authorizationId>`. Returns the token's ref, never the token.
 *
 * @throws ApplicationFailure `Authorization.*`; `OAuth.*` of the token endpoint; `Connection.invalid`
 *   for any other workflow id
 */
export async function redeemAuthorization(input: RedeemAuthorizationInput): Promise<TokenRef> {
  const wanted = checked(input);
  const { connectionId } = wanted;
  try {
    let result = await redeem('redeem the consent', 'redeemAuthorization', wanted);
    while (result.outcome === 'pending') {
      setCurrentDetails(redemptionDetails(result.person));
      if (workflowInfo().continueAsNewSuggested) {
        await continueAsNew<typeof redeemAuthorization>(wanted);
      }
      await sleep(result.nextLookInMs, { summary: 'the person has not answered' });
      result = await redeem('ask for the answer', 'pollDeviceAuthorization', wanted);
    }
    setCurrentDetails('The connection is authorized.');
    await CancellationScope.nonCancellable(() => tellOthers(connectionId));
    return result.token;
  } catch (error) {
    throw passedOn(error, connectionId);
  }
}

setWorkflowOptions(autoUpgrade, redeemAuthorization);

function redeem(
  summary: string,
  activity: 'redeemAuthorization' | 'pollDeviceAuthorization',
  input: RedeemAuthorizationInput,
): Promise<RedeemAuthorizationResult> {
  const taskQueue = issueTaskQueue(workflowInfo().taskQueue);
  const activities = proxyActivities<IssueActivities>({ ...REDEEM_OPTIONS, taskQueue, summary });
  return activities[activity](input);
}

/** The consent stands; whoever cannot be told of it finds out by looking. */
async function tellOthers(connectionId: string): Promise<void> {
  const { wakeParked, announceEvents, configureLifecycle } = proxyActivities<IssueActivities>({
    ...CONSENT_NOTICE_OPTIONS,
    taskQueue: issueTaskQueue(workflowInfo().taskQueue),
    summary: 'say that the connection is authorized',
  });
  const input = { connectionId };
  const tell = [wakeParked(input), announceEvents(input), configureLifecycle(input)];
  await Promise.allSettled(tell);
}

/** Whoever starts it by name may send anything, or nothing. */
function checked(input: RedeemAuthorizationInput): RedeemAuthorizationInput {
  const given: Partial<Record<keyof RedeemAuthorizationInput, unknown>> =
    typeof input === 'object' && input !== null ? { ...input } : {};
  const { connectionId, authorizationId } = given;
  if (!isConnectionId(connectionId)) {
    const detail = `connectionId: must be ${CONNECTION_ID_RULE}.`;
    throw failure('Connection.invalid', { detail });
  }
  if (!isAuthorizationId(authorizationId)) {
    const detail = 'authorizationId: must be the id of an authorization.';
    throw failure('Connection.invalid', { connectionId, detail });
  }
  const workflowId = authorizationWorkflowId(authorizationId);
  if (workflowInfo().workflowId !== workflowId) {
    const detail = `The workflow id must be ${workflowId}.`;
    throw failure('Connection.invalid', { connectionId, detail });
  }
  return { connectionId, authorizationId };
}
