import { proxyActivities, setWorkflowOptions } from '@temporalio/workflow';
import type { TokenActivities } from '../activities/token-activities.js';
import type { RevokeConnectionInput, RevokeResult } from '../contract/messages.js';
import { CONNECTION_ID_RULE, isConnectionId } from '../contract/names.js';
import { isTimeoutMs, TIMEOUT_RULE } from '../contract/timeouts.js';
import { failure } from '../failures.js';
import { passedOn } from './failure-cause.js';
import { REVOKE_CONNECTION_OPTIONS, TIMEOUTS } from './options.js';
import { autoUpgrade } from './versioning.js';

/**
 * Has a connection's tokens revoked, and waits until the authorization server has confirmed or says that
 * it never will: what another workflow runs as a child, from any SDK. Nobody gets the tokens from its
 * first step on, and the revocation goes on when this workflow has ended.
 *
 * @throws ApplicationFailure of the contract's table; when `timeoutMs` is over, of the last recorded type
 */
export async function revokeConnection(input: RevokeConnectionInput): Promise<RevokeResult> {
  // Whoever starts it by name may send anything, or nothing.
  const wanted = (input as RevokeConnectionInput | null | undefined) ?? { connectionId: '' };
  const { connectionId } = wanted;
  const timeoutMs = wanted.timeoutMs ?? TIMEOUTS.revokeTimeoutMs;
  if (!isConnectionId(connectionId)) {
    const detail = `connectionId: must be ${CONNECTION_ID_RULE}.`;
    throw failure('Connection.invalid', { detail });
  }
  if (!isTimeoutMs(timeoutMs)) {
    const detail = `timeoutMs: must be ${TIMEOUT_RULE}.`;
    throw failure('Connection.invalid', { connectionId, detail });
  }
  const activities = proxyActivities<TokenActivities>({
    ...REVOKE_CONNECTION_OPTIONS,
    scheduleToCloseTimeout: timeoutMs,
    summary: `Revoke the tokens of ${connectionId}`,
  });
  try {
    return await activities.revokeConnection({ connectionId });
  } catch (error) {
    throw passedOn(error, connectionId);
  }
}

setWorkflowOptions(autoUpgrade, revokeConnection);
