import { leftInMongodb, leftInTemporal } from '../../integration/left-behind.js';
import { tokenDocument } from '../../support/token-records.js';
import type { Observation, ObservedConnection } from './checker.js';
import type { FaultSystem } from './fault-system.js';

/** Nobody waits longer than this in a scenario. */
const WAIT_BOUND_MS = 150_000;

/** Everything the checker looks at, read when a scenario is over. */
export async function observe(fault: FaultSystem): Promise<Observation> {
  const connections = await Promise.all(
    [...fault.connections.keys()].map((connectionId) => observeConnection(fault, connectionId)),
  );
  const { system, server, api, waiters } = fault;
  const { histories, visibility, descriptions } = await leftInTemporal(
    system,
    [system.taskQueue],
    fault.runs,
  );
  const mongodb = await leftInMongodb(system);
  const logs = fault.workers.map(({ name, stdout, stderr }): [string, string] => [
    `output of worker ${name}`,
    stdout + stderr,
  ]);
  return {
    ...{ connections, exchanges: server.exchanges, apiCalls: api.calls, waiters: waiters.all },
    waitBoundMs: WAIT_BOUND_MS,
    places: { histories, visibility, descriptions, ...mongodb, ...Object.fromEntries(logs) },
    secrets: fault.secrets(),
  };
}

async function observeConnection(
  fault: FaultSystem,
  connectionId: string,
): Promise<ObservedConnection> {
  const { server } = fault;
  const { state, generation } = await tokenDocument(fault.system, connectionId);
  return {
    ...{ connectionId, state, generation },
    rotation: server.rotationOf(connectionId),
    requestTimeoutMs: fault.connections.get(connectionId)?.requestTimeoutMs ?? 0,
    storedRefreshToken: await fault.storedRefreshToken(connectionId),
    liveRefreshToken: server.liveRefreshToken(connectionId),
    importedRefreshToken: server.importedRefreshToken(connectionId),
  };
}
