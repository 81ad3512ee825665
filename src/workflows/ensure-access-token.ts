import { proxyActivities, setWorkflowOptions } from '@temporalio/workflow';
import type { TokenActivities } from '../activities/token-activities.js';
import type {
  EnsureAccessTokenInput,
  GetAccessTokenInput,
  TokenRef,
} from '../contract/messages.js';
import { CONNECTION_ID_RULE, isConnectionId } from '../contract/names.js';
import { isTimeoutMs, TIMEOUT_RULE } from '../contract/timeouts.js';
import { failure } from '../failures.js';
import { passedOn } from './failure-cause.js';
import { GET_ACCESS_TOKEN_OPTIONS, TIMEOUTS } from './options.js';
import { tokenWhenAuthorized, WakeUp } from './parked-call.js';
import { autoUpgrade } from './versioning.js';

/**
 * Sees to it that a connection has a valid token: what another workflow runs as a child, from any
 * SDK, before its activities call the API. Returns the token's ref, never the token. With
 * `onReauthorization: 'wait'` it waits until a person has consented, for as long as `timeoutMs` says.
 *
 * @throws ApplicationFailure of the contract's table: the activity's own, and when `timeoutMs` is
 *   over, of the last recorded type
 */
export async function ensureAccessToken(input: EnsureAccessTokenInput): Promise<TokenRef> {
  // Whoever starts it by name may send anything, or nothing.
  const wanted = (input as EnsureAccessTokenInput | null | undefined) ?? { connectionId: '' };
  const { connectionId, minValidMs, rejectedGeneration, onReauthorization } = wanted;
  const timeoutMs = wanted.timeoutMs ?? TIMEOUTS.ensureTimeoutMs;
  if (!isConnectionId(connectionId)) {
    const detail = `connectionId: must be ${CONNECTION_ID_RULE}.`;
    throw failure('Connection.invalid', { detail });
  }
  if (!isTimeoutMs(timeoutMs)) {
    const detail = `timeoutMs: must be ${TIMEOUT_RULE}.`;
    throw failure('Connection.invalid', { connectionId, detail });
  }
  const asked: GetAccessTokenInput = {
    connectionId,
    ...(minValidMs === undefined ? {} : { minValidMs }),
    ...(rejectedGeneration === undefined ? {} : { rejectedGeneration }),
  };
  try {
    if (onReauthorization === 'wait') {
      const deadline = Date.now() + timeoutMs;
      return await tokenWhenAuthorized(new WakeUp(connectionId), asked, deadline);
    }
    const { getAccessToken } = proxyActivities<TokenActivities>({
      ...GET_ACCESS_TOKEN_OPTIONS,
      scheduleToCloseTimeout: timeoutMs,
      summary: `Valid token of ${connectionId}`,
    });
    return await getAccessToken(asked);
  } catch (error) {
    throw passedOn(error, connectionId);
  }
}

setWorkflowOptions(autoUpgrade, ensureAccessToken);
