import { revokeResultOf } from '../contract/decide-revocation.js';
import type { RevokeResult } from '../contract/messages.js';
import { statusOf, type TokenRecord } from '../contract/token-record.js';
import { failure } from '../failures.js';
import { beginRevocation, readToken, type TokenDatabase } from '../store/index.js';
import type { LifecycleClient } from './lifecycle-client.js';

/** What asking for a revocation needs. */
export interface RevocationDependencies {
  database: TokenDatabase;
  lifecycle: Pick<LifecycleClient, 'revoke'>;
}

/** The handler answers after 10 s at the latest. */
const ANSWER_MS = 15_000;
/** The record says when it is done; the lifecycle is asked again in case it has ended. */
const PAUSE_MS = 250;
const ASK_AGAIN_MS = 10_000;
const MAX_TRIES = 20;

/**
 * Has a connection's tokens revoked. The record says so first, so that nobody gets them any more
 * whether or not Temporal or a worker is there; then the lifecycle has the authorization server asked.
 *
 * @param deadlineMs - how long to wait for the server's confirmation
 * @returns where the revocation stands: `revoked`, or `revoking` when the time is over
 * @throws ApplicationFailure `Connection.not_found`; StoreError
 */
export async function requestRevocation(
  { database, lifecycle }: RevocationDependencies,
  connectionId: string,
  deadlineMs: number,
): Promise<RevokeResult> {
  const deadline = performance.now() + deadlineMs;
  let record = await markRevoking(database, connectionId);
  const { epoch, incarnation } = record;
  for (let askAt = 0; ; record = await read(database, connectionId)) {
    const rest = deadline - performance.now();
    // A later consent, or a connection made anew, is not what was to be revoked.
    const moved = record.epoch !== epoch || record.incarnation !== incarnation;
    if (record.state !== 'revoking' || moved || rest <= 0) return resultOf(record);
    if (performance.now() < askAt) {
      await sleep(Math.min(PAUSE_MS, rest));
      continue;
    }
    if ((await lifecycle.revoke(connectionId, Math.min(rest, ANSWER_MS))) === 'unreachable') {
      const failed = { type: 'Token.unavailable', final: false };
      return { ...resultOf(await read(database, connectionId)), failure: failed };
    }
    askAt = performance.now() + ASK_AGAIN_MS;
  }
}

const sleep = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, Math.max(Math.ceil(ms), 1)));

async function markRevoking(database: TokenDatabase, connectionId: string): Promise<TokenRecord> {
  // What a consent brings before it is said is revoked with the rest.
  for (let tries = 0, record = await read(database, connectionId); ; tries += 1) {
    if (record.state === 'revoking' || record.state === 'revoked') return record;
    if (tries === MAX_TRIES) return record;
    await beginRevocation(database, record);
    record = await read(database, connectionId);
  }
}

async function read(database: TokenDatabase, connectionId: string): Promise<TokenRecord> {
  const found = await readToken(database, connectionId);
  if (found === null) throw failure('Connection.not_found', { connectionId });
  return found.record;
}

const resultOf = (record: TokenRecord): RevokeResult =>
  revokeResultOf(statusOf(record, 'on-demand'));
