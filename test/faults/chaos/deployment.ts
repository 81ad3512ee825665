/** The deployment of a chaos run: three workers, three mongods, everything behind a proxy. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { temporaryFolder } from '../../../dev/servers/data-folder.js';
import { onExit } from '../../../dev/servers/lifetime.js';
import { startReplicaSet, type ReplicaSet } from '../../../dev/servers/replica-set.js';
import { startTemporal } from '../../../dev/servers/temporal.js';
import { startFaultSystem, type FaultSystem } from '../support/fault-system.js';
import type { ServerRotation } from '../support/rotating-server.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import type { Random } from './random.js';
import { WorkerSlot } from './worker-slot.js';

const WORKFLOWS = fileURLToPath(new URL('../../../src/workflows/workflows.ts', import.meta.url));
const WORKERS = ['a', 'b', 'c'];
const CONNECTIONS = 30;
const PROFILES: readonly ServerRotation[] = ['none', { graceMs: 60_000 }, 'strict'];
/** Access tokens live between these, in seconds: each connection refreshes every half minute. */
const SHORTEST_S = 20;
const LONGEST_S = 40;
const REQUEST_TIMEOUT_MS = 3_000;

/** Everything of a run. */
export interface ChaosDeployment {
  fault: FaultSystem;
  set: ReplicaSet;
  proxies: { mongods: TcpProxy[]; temporal: TcpProxy; tokenEndpoint: TcpProxy };
  workers: WorkerSlot[];
  connectionIds: string[];
}

/** Starts it; everything goes with this process. */
export async function startDeployment(
  random: Random,
  progress: (line: string) => void,
): Promise<ChaosDeployment> {
  const folder = await temporaryFolder('chaos');
  const mongods: TcpProxy[] = [];
  const through = async (host: string): Promise<string> => {
    const proxy = await startedProxy(host);
    mongods.push(proxy);
    return proxy.address;
  };
  progress('starting three mongods and Temporal');
  const set = await startReplicaSet({ through, progress });
  onExit(() => set.stop());
  const server = await startTemporal({ progress });
  const temporal = await startedProxy(server.address);
  const fault = await startFaultSystem({
    ...{ temporalAddress: server.address, mongodbUri: set.uri, scratch: folder.path },
  });
  onExit(() => fault.close());
  const url = new URL(fault.server.tokenEndpoint);
  const tokenEndpoint = await startedProxy(url.host);
  fault.tokenEndpoint = `http://${tokenEndpoint.address}${url.pathname}`;

  progress(`starting ${WORKERS.length} workers`);
  const codePath = await writeBundle(folder.path);
  const environment = { TEMPORAL_ADDRESS: temporal.address };
  const workers = WORKERS.map((name) => new WorkerSlot(fault, name, { codePath, environment }));
  for (const worker of workers) await worker.start();
  progress(`putting ${CONNECTIONS} connections`);
  const connectionIds: string[] = [];
  for (let index = 0; index < CONNECTIONS; index += 1) {
    const rotation = PROFILES[index % PROFILES.length] ?? 'strict';
    const lifetimeS = random.between(SHORTEST_S, LONGEST_S);
    const connectionId = await fault.put(`chaos-${index}`, {
      ...{ rotation, lifetimeS, requestTimeoutMs: REQUEST_TIMEOUT_MS },
      refresh: index % 5 === 4 ? 'ahead' : 'on-demand',
    });
    connectionIds.push(connectionId);
  }
  const proxies = { mongods, temporal, tokenEndpoint };
  return { fault, set, proxies, workers, connectionIds };
}

/** Ends every fault: what was broken is whole again, what was stopped runs. */
export async function mend({ set, proxies, workers }: ChaosDeployment): Promise<void> {
  const { mongods, temporal, tokenEndpoint } = proxies;
  for (const proxy of [...mongods, temporal, tokenEndpoint]) await proxy.set({ do: 'pass' });
  for (const member of set.members) await set.restart(member);
  await set.primary();
  await Promise.all(workers.map((worker) => worker.mend()));
  await sleep(1_000);
}

async function startedProxy(target: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy(target);
  onExit(() => proxy.stop());
  return proxy;
}

async function writeBundle(folder: string): Promise<string> {
  const logger = new DefaultLogger('ERROR');
  const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger });
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'workflows.js');
  await writeFile(path, code);
  return path;
}
