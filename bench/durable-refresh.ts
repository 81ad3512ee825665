/** A durable refresh, end to end: what it takes beyond the bare token request, in time and in counts. */
import { NativeConnection } from '@temporalio/worker';
import './world/quiet.js';
import { createTokenWorker } from '../src/worker.js';
import { actionsOf, type Actions } from './actions.js';
import type { Bench } from './bench.js';
import { requestToken } from './processes/application-activities.js';
import { emptyResult, type BenchResult } from './result.js';
import { measureRounds, valuesOf } from './rounds.js';
import { median } from './statistics.js';
import { createDeployment, type Deployment } from './world/deployment.js';
import { createCountingClient, type Operation } from './world/operations.js';
import type { World } from './world/world.js';

const CELL = 'one token request';
const DURABLE = 'durable refresh, caller to caller';
const BARE = 'bare token request';
const LIFETIME_S = 3_600;
/** Short tokens, to see refreshes ahead of expiry happen. */
const AHEAD_LIFETIME_S = 4;
const REACH_MS = 60;

/** A durable refresh. */
export const durableRefresh: Bench = {
  name: 'durable-refresh',
  async run({ quick, world: open }) {
    const result = emptyResult('durable-refresh');
    const world = await open();
    if (!quick) await measureTime(result, world);
    await countEverything(result, world);
    if (!quick) claim(result);
    return result;
  },
};

async function measureTime(result: BenchResult, { deployment, endpoints }: World): Promise<void> {
  await deployment.worker();
  // A memory of one entry: asking for the other connection forgets this one.
  const tokens = deployment.source({ maxEntries: 1 });
  const ids = ['a', 'b'].map((name) => `refresh-${name}-${deployment.id}`);
  for (const connectionId of ids) await deployment.put({ connectionId, lifetimeS: LIFETIME_S });
  const tokenEndpoint = endpoints.tokenEndpoint(0, LIFETIME_S);
  await measureRounds(result, {
    ...{ cell: CELL, unit: 'ms (p50)', rounds: 5, warmUp: true },
    subjects: {
      async [DURABLE]() {
        const took: number[] = [];
        for (let turn = 0; turn < 20; turn += 1) {
          const connectionId = ids[turn % 2] ?? '';
          await deployment.age(connectionId, 'expired');
          took.push(await timed(() => tokens.getAccessToken(connectionId)));
        }
        return median(took);
      },
      async [BARE]() {
        const took: number[] = [];
        for (let turn = 0; turn < 20; turn += 1) {
          took.push(await timed(() => requestToken(tokenEndpoint, 'bare')));
        }
        return median(took);
      },
    },
    compare: [{ of: DURABLE, to: BARE }],
  });
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}

/** Counts with a worker in this process, whose MongoDB commands can be written down. */
async function countEverything(result: BenchResult, world: World): Promise<void> {
  const deployment = await createDeployment(world);
  const worker = createCountingClient(deployment.mongodbUri);
  const caller = createCountingClient(deployment.mongodbUri);
  const connection = await NativeConnection.connect({ address: deployment.address });
  const running = await createTokenWorker({
    ...{ connection, mongodb: worker.mongodb, keys: deployment.keys, network: 'loopback' },
    taskQueue: deployment.taskQueue,
  });
  const ended = running.run();
  const parts = { deployment, worker, caller };
  await countOnDemand(result, parts);
  await countAhead(result, parts);
  running.shutdown();
  await ended;
  await connection.close();
  await deployment.close();
  await Promise.all([worker.mongodb.close(), caller.mongodb.close()]);
}

interface Counters {
  deployment: Deployment;
  worker: ReturnType<typeof createCountingClient>;
  caller: ReturnType<typeof createCountingClient>;
}

async function countOnDemand(result: BenchResult, counters: Counters): Promise<void> {
  const { deployment, worker, caller } = counters;
  const connectionId = `counted-${deployment.id}`;
  await deployment.put({ connectionId, lifetimeS: LIFETIME_S });
  const tokens = deployment.source({ mongodb: caller.mongodb });
  worker.take();
  await tokens.getAccessToken(connectionId);
  const started = await actions(deployment, connectionId);
  pushActions(result, 'a refresh that has to start the lifecycle', started.total, 4);
  caller.take();
  worker.take();

  await deployment.age(connectionId, 'expired');
  // Another process: nothing is in its memory.
  const elsewhere = deployment.source({ mongodb: caller.mongodb });
  await elsewhere.getAccessToken(connectionId);
  const refreshed = await actions(deployment, connectionId);
  pushActions(result, 'a refresh on a running lifecycle', refreshed.total - started.total, 2);
  const operations = worker.take();
  pushOperations(result, 'a refresh, in the worker', operations);
  result.counts.push({
    what: 'majority writes of a refresh',
    value: operations.filter(({ majorityWrite }) => majorityWrite).length,
    expected: { exactly: 2 },
  });
  // The deployment's record is read once in the life of a process.
  const own = caller.take().filter(({ collection }) => collection === 'tokens');
  pushOperations(result, 'a refresh, in the process of the caller', own);
  await tokens.getAccessToken(connectionId);
  await elsewhere.getAccessToken(connectionId);
  result.counts.push({
    what: 'Temporal Actions of a call with a token in memory',
    value: (await actions(deployment, connectionId)).total - refreshed.total,
    expected: { exactly: 0 },
  });
}

async function countAhead(result: BenchResult, { deployment, worker }: Counters): Promise<void> {
  const connectionId = `ahead-${deployment.id}`;
  await deployment.put({ connectionId, lifetimeS: AHEAD_LIFETIME_S, refresh: 'ahead' });
  const at = async (generation: number): Promise<Actions> => {
    for (;;) {
      const found = await deployment.database.tokens.findOne({ _id: connectionId });
      // The timer of the next refresh comes after the token: both sides of the difference have it.
      const counted = await actions(deployment, connectionId);
      if ((found?.generation ?? 0) >= generation && counted.activities >= counted.timers) {
        if (counted.timers >= generation) return counted;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const first = await at(1);
  worker.take();
  const second = await at(2);
  pushActions(result, 'a refresh ahead of expiry', second.total - first.total, 2);
  pushOperations(result, 'a refresh ahead of expiry', worker.take());
}

async function actions(deployment: Deployment, connectionId: string): Promise<Actions> {
  const handle = deployment.client.workflow.getHandle(`oauth-token/${connectionId}`);
  return actionsOf((await handle.fetchHistory()).events ?? []);
}

function pushActions(result: BenchResult, what: string, value: number, most: number): void {
  result.counts.push({ what: `Temporal Actions of ${what}`, value, expected: { atMost: most } });
}

function pushOperations(result: BenchResult, what: string, operations: Operation[]): void {
  result.counts.push({
    what: `MongoDB operations of ${what}`,
    value: operations.length,
    expected: { atMost: 6 },
  });
}

function claim(result: BenchResult): void {
  const durable = valuesOf(result, CELL, DURABLE);
  const bare = valuesOf(result, CELL, BARE);
  const overhead = median(durable.map((value, round) => value - (bare[round] ?? NaN)));
  result.claims.push({
    claim: 'time beyond the bare token request, p50',
    toReach: '≤ 60 ms',
    measured: `${overhead.toFixed(0)} ms`,
    met: overhead <= REACH_MS,
  });
}
