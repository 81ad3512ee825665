import { Client, type ConnectionLike } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import {
  REDEEM_AUTHORIZATION_WORKFLOW,
  authorizationWorkflowId,
  type RedeemAuthorizationInput,
} from '../contract/consent-messages.js';
import { AuthorizationError } from './authorization-error.js';

/** How the token deployment is reached in Temporal. */
export interface RedemptionClientOptions {
  connection: ConnectionLike;
  namespace: string;
  taskQueue: string;
  /** The token deployment's own converter, never an application's. */
  dataConverter?: DataConverter | undefined;
}

/** Has authorizations redeemed. */
export interface RedemptionClient {
  /**
   * Starts the workflow that redeems an authorization, or leaves the running one alone. It waits in
   * its task queue while no worker runs.
   *
   * @throws AuthorizationError `Token.unavailable` when Temporal does not take it
   */
  start(input: RedeemAuthorizationInput): Promise<void>;
}

const REQUEST_MS = 5_000;
const TRIES = 3;

/** Makes a client with a data converter of its own. */
export function createRedemptionClient(options: RedemptionClientOptions): RedemptionClient {
  const { connection, namespace, taskQueue, dataConverter } = options;
  const converter = dataConverter === undefined ? {} : { dataConverter };
  const client = new Client({ connection, namespace, ...converter });
  const start = ({ connectionId, authorizationId }: RedeemAuthorizationInput) =>
    client.withDeadline(Date.now() + REQUEST_MS, () =>
      client.workflow.start(REDEEM_AUTHORIZATION_WORKFLOW, {
        workflowId: authorizationWorkflowId(authorizationId),
        workflowIdConflictPolicy: 'USE_EXISTING',
        taskQueue,
        args: [{ connectionId, authorizationId }],
        staticSummary: `Consent for ${connectionId}`,
      }),
    );
  return {
    async start(input) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await start(input);
          return;
        } catch {
          if (attempt < TRIES) continue;
          const message = 'The consent is kept; open its page again to have it redeemed.';
          throw new AuthorizationError('Token.unavailable', message);
        }
      }
    },
  };
}
