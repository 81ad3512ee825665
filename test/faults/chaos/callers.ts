/** Steady callers of every connection: API calls through token sources, and workflows. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenSource } from '../../../src/tokens/index.js';
import type { ChaosDeployment } from './deployment.js';

/** As many process memories. */
const SOURCES = 3;
const BETWEEN_CALLS_MS = 2_500;
const BETWEEN_WORKFLOWS_MS = 4_000;
const WAIT_MS = 20_000;

/** What the callers got. */
export interface Calls {
  /** API calls that were answered with 200. */
  served: number;
  /** Calls that ended with a failure, by its type. */
  refused: Record<string, number>;
  /** API calls that were answered with another status. */
  otherStatus: number;
  workflows: number;
}

/** Calls until the signal, each caller one call at a time; then waits for what is under way. */
export async function keepCalling(
  deployment: ChaosDeployment,
  { signal, calls }: { signal: AbortSignal; calls: Calls },
): Promise<void> {
  const { fault, connectionIds } = deployment;
  const sources = Array.from({ length: SOURCES }, () =>
    fault.system.source({ waitMs: WAIT_MS, maxAgeMs: 1_000 }),
  );
  const callers = connectionIds.flatMap((connectionId) =>
    sources.map(async (source) => {
      for (;;) {
        if (!(await pause(2 * BETWEEN_CALLS_MS * Math.random(), signal))) return;
        await call(deployment, source, { connectionId, calls });
      }
    }),
  );
  await Promise.all([...callers, startWorkflows(deployment, { signal, calls })]);
}

/** One API call, followed as a waiter. */
export async function call(
  { fault }: ChaosDeployment,
  source: TokenSource,
  { connectionId, calls }: { connectionId: string; calls: Calls },
): Promise<boolean> {
  const fetching = async (): Promise<{ generation: number }> => {
    const response = await source.fetch(connectionId, `${fault.api.origin}/things`);
    await response.body?.cancel();
    if (response.status === 200) calls.served += 1;
    else calls.otherStatus += 1;
    return { generation: 0 };
  };
  const answer = await fault.waiters.follow(`caller of ${connectionId}`, fetching());
  fault.asked(connectionId);
  if (answer.type === null) return true;
  calls.refused[answer.type] = (calls.refused[answer.type] ?? 0) + 1;
  return false;
}

async function startWorkflows(
  { fault, connectionIds }: ChaosDeployment,
  { signal, calls }: { signal: AbortSignal; calls: Calls },
): Promise<void> {
  const running: Promise<unknown>[] = [];
  while (await pause(2 * BETWEEN_WORKFLOWS_MS * Math.random(), signal)) {
    const connectionId = connectionIds[Math.floor(Math.random() * connectionIds.length)] ?? '';
    calls.workflows += 1;
    running.push(fault.ensure(connectionId));
  }
  await Promise.all(running);
}

/** @returns false when there is nothing to wait for any more */
export function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal }).catch(() => false);
}
