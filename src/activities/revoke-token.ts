import { log } from '@temporalio/activity';
import type { LifecycleView, RevokeEpochInput } from '../contract/messages.js';
import type { TokenRecord } from '../contract/token-record.js';
import { failure, recordedFailure, toFailure } from '../failures.js';
import {
  beginRevocation as writeRevoking,
  endRevocation,
  readConnection,
  readToken,
  readTokenWithGrant,
} from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { NO_CONNECTION } from './lifecycle-view.js';
import { createReadLifecycle } from './read-lifecycle.js';
import { RevocationPass } from './revocation-pass.js';

/** The answer of a token request under way is waited for in steps of at most this. */
const MAX_WAIT_MS = 1_000;
/** A longer pause is a failure with `nextRetryDelay`, so that it holds no slot. */
const MAX_PAUSE_MS = 5_000;

/**
 * Makes the activity that says that an epoch's tokens are revoked: from then on nobody gets them. Safe
 * to run twice: it compares the epoch, so a later consent is left alone.
 */
export function createBeginRevocation(dependencies: IssueDependencies) {
  return async function beginRevocation(input: RevokeEpochInput): Promise<LifecycleView> {
    const { connectionId, epoch } = input;
    try {
      const token = await readToken(dependencies.database, connectionId);
      if (token?.record.epoch === epoch) {
        await writeRevoking(dependencies.database, token.record);
      }
      return await createReadLifecycle(dependencies)({ connectionId });
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}

/**
 * Makes the activity that has an epoch's tokens revoked by the authorization server (RFC 7009): the
 * refresh tokens first, then the access token; each is erased when the server has answered. Safe to run
 * twice: a server says 200 to a token it does not know, and what is erased is not sent again.
 */
export function createRevokeToken(dependencies: IssueDependencies) {
  return async function revokeToken(input: RevokeEpochInput): Promise<LifecycleView> {
    const { connectionId } = input;
    try {
      return await withHeartbeats(connectionId, () => revoke(dependencies, input));
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}

async function revoke(
  dependencies: IssueDependencies,
  input: RevokeEpochInput,
): Promise<LifecycleView> {
  const { database } = dependencies;
  const { connectionId, epoch } = input;
  const [token, read] = await Promise.all([
    readTokenWithGrant(database, connectionId),
    readConnection(database, connectionId),
  ]);
  if (token === null || read === null) return NO_CONNECTION;
  const { record } = token;
  if (record.state === 'revoking' && record.epoch === epoch) {
    await untilAllowed(record);
    await new RevocationPass(dependencies, { read, token, input }).revokeAll();
    if (!(await endRevocation(database, record))) await rest(dependencies, input);
    else log.info('Tokens revoked', { connectionId, epoch });
  }
  return createReadLifecycle(dependencies)({ connectionId });
}

/** Waits until the authorization server, or the pause after its last answer, allows; a moment at most. */
async function untilAllowed({
  connectionId,
  retryAt,
  now,
  lastOutcome,
}: TokenRecord): Promise<void> {
  const waitMs = retryAt === null ? 0 : retryAt - now;
  if (waitMs > MAX_PAUSE_MS) {
    const type = lastOutcome?.type ?? 'Token.revocation_in_progress';
    throw recordedFailure(type, { connectionId, nextRetryDelayMs: waitMs });
  }
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}

/** Something came meanwhile, or may still come: the answer to a token request under way. */
async function rest(
  { database }: IssueDependencies,
  { connectionId, epoch }: RevokeEpochInput,
): Promise<void> {
  const now = await readToken(database, connectionId);
  if (now?.record.state !== 'revoking' || now.record.epoch !== epoch) return;
  const { attempt, now: at } = now.record;
  const waitMs = attempt === null ? 0 : attempt.deadline - at;
  const nextRetryDelayMs = Math.min(Math.max(waitMs, 100), MAX_WAIT_MS);
  throw failure('Token.revocation_in_progress', { connectionId, nextRetryDelayMs });
}
