import { continueAsNew, setHandler, setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import type { AuthorizeConnectionInput } from '../contract/consent-messages.js';
import type { TokenRef } from '../contract/messages.js';
import { CONNECTION_ID_RULE, isConnectionId } from '../contract/names.js';
import { isTimeoutMs, TIMEOUT_RULE } from '../contract/timeouts.js';
import { failure } from '../failures.js';
import { ConsentRun } from './consent-run.js';
import { authorizationQuery } from './messages.js';
import { autoUpgrade } from './versioning.js';

/**
 * Waits until a person has authorized a connection, for days if need be, and returns the token's ref:
 * what another workflow runs as a child, or anybody by its name. Of a device grant it shows the user
 * code; of an authorization code the person follows a link that a program of one's own, the connect page
 * or the command makes. A usable grant is enough unless `reauthorize` or `afterEpoch` say otherwise.
 *
 * @throws ApplicationFailure `Authorization.expired` when nobody consented in time,
 *   `Authorization.denied`, `Connection.not_found`, `Connection.invalid`, and what getting a token throws
 */
export async function authorizeConnection(input: AuthorizeConnectionInput): Promise<TokenRef> {
  // Whoever starts it by name may send anything, or nothing.
  const wanted = (input as AuthorizeConnectionInput | null | undefined) ?? { connectionId: '' };
  checkInput(wanted);
  const run = new ConsentRun(wanted);
  setHandler(authorizationQuery, () => run.status, {
    description: 'What the person has to do: user code, where to enter it, until when.',
  });
  const token = await run.wait(() => workflowInfo().continueAsNewSuggested);
  return token ?? (await continueAsNew<typeof authorizeConnection>(run.rest()));
}

setWorkflowOptions(autoUpgrade, authorizeConnection);

function checkInput({ connectionId, timeoutMs, afterEpoch }: AuthorizeConnectionInput): void {
  if (!isConnectionId(connectionId)) {
    const detail = `connectionId: must be ${CONNECTION_ID_RULE}.`;
    throw failure('Connection.invalid', { detail });
  }
  if (timeoutMs !== undefined && !isTimeoutMs(timeoutMs)) {
    const detail = `timeoutMs: must be ${TIMEOUT_RULE}.`;
    throw failure('Connection.invalid', { connectionId, detail });
  }
  if (afterEpoch !== undefined && !(Number.isInteger(afterEpoch) && afterEpoch >= 0)) {
    const detail = 'afterEpoch: must be a whole number.';
    throw failure('Connection.invalid', { connectionId, detail });
  }
}
