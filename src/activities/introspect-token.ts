import { FAILURES } from '../contract/failure-types.js';
import { freshnessOf } from '../contract/freshness.js';
import type { TokenRecord } from '../contract/token-record.js';
import { failure } from '../failures.js';
import type { Network } from '../network.js';
import { introspectToken as askServer } from '../oauth/index.js';
import type { Secret } from '../secret.js';
import { invalidateGeneration, type ReadConnection } from '../store/index.js';
import { openClient, type SealedStores } from './open-tokens.js';
import { questionFailureType } from './revocation-pass.js';

/** A stored access token, opened. */
export interface OpenedToken {
  read: ReadConnection;
  record: TokenRecord;
  accessToken: Secret;
}

/**
 * Asks the authorization server whether a stored token is active, where the connection has an
 * introspection endpoint and the token would be handed out (RFC 7662). One that is not is marked
 * invalid, so that the next caller gets another. Nothing is cached: whoever asks wants to know now.
 *
 * @returns whether the record changed
 * @throws ApplicationFailure when the server did not say; StoreError, NetworkPolicyError
 */
export async function introspectStored(
  dependencies: SealedStores & { network: Pick<Network, 'assertUrlAllowed' | 'requestDispatcher'> },
  { read, record, accessToken }: OpenedToken,
): Promise<boolean> {
  const { connectionId, authorizationServer } = read.connection;
  const { introspectionEndpoint: endpoint, requestTimeoutMs: timeoutMs } = authorizationServer;
  if (endpoint === null || !isHandedOut(record)) return false;
  const client = await openClient(dependencies, read);
  const question = { endpoint, client, token: accessToken, hint: 'access_token' } as const;
  const { network } = dependencies;
  const result = await askServer(question, { timeoutMs, network });
  switch (result.kind) {
    case 'active':
      return false;
    case 'inactive':
      return invalidateGeneration(dependencies.database, record, 'introspected');
    case 'failed': {
      const type = questionFailureType(result);
      const final = result.final || FAILURES[type].final;
      const detail = result.httpStatus === null ? undefined : `(HTTP ${result.httpStatus})`;
      const nextRetryDelayMs = result.retryAfterMs ?? undefined;
      throw failure(type, { connectionId, final, detail, nextRetryDelayMs });
    }
  }
}

function isHandedOut(record: TokenRecord): boolean {
  const alive = record.state === 'active' || record.state === 'at_risk';
  return alive && record.invalid === null && freshnessOf(record, record.now) !== 'expired';
}
