import { refreshAheadMs } from '../../../src/contract/freshness.js';
import {
  accessTokenContext,
  commitTokenSet,
  prepareSealer,
  readConnection,
  readTokenWithGrant,
  refreshTokenContext,
} from '../../../src/store/index.js';
import type { FaultSystem } from './fault-system.js';

/** Another program refreshes with the stored refresh token, and writes what it got: nobody asked it to. */
export async function rotateByHand(fault: FaultSystem, connectionId: string): Promise<void> {
  const { database, keys } = fault.system;
  const read = await readConnection(database, connectionId);
  const token = await readTokenWithGrant(database, connectionId);
  const presented = await fault.storedRefreshToken(connectionId);
  if (read === null || token === null || presented === null) throw new Error('Nothing to rotate.');
  const response = await fetch(fault.server.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'refresh_token', refresh_token: presented, client_id: connectionId },
    }),
  });
  const answer = (await response.json()) as { access_token: string; refresh_token: string };
  fault.server.markLastAsker(connectionId, 'stranger');
  const { record } = token;
  const next = { ...record, generation: record.generation + 1 };
  const [access, grant] = await Promise.all([
    prepareSealer(keys, 'access'),
    prepareSealer(keys, 'grant'),
  ]);
  const lifetimeMs = 600_000;
  const { result } = await commitTokenSet(database, record, {
    ...{ state: 'active', invalid: null, tokenType: 'Bearer', scope: null, lifetimeMs },
    access: await access.seal(accessTokenContext(database, next), answer.access_token),
    grant: await grant.seal(
      refreshTokenContext(database, next, read.connection),
      answer.refresh_token,
    ),
    ...{ refreshAheadMs: refreshAheadMs(lifetimeMs, 0.5), refreshTokenLifetimeMs: null },
    keepAliveMs: null,
    ...{ elapsedMs: 0, attemptId: 'by-hand', sentAt: new Date(record.now), sentAfterMs: 0 },
    ...{
      readAt: new Date(record.now),
      failureType: null,
      keepsSiblings: true,
      rotated: 'new_token',
    },
  });
  if (result !== 'mine') throw new Error(`It was not written: ${result}.`);
}
