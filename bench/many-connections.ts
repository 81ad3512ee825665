/** Many connections, each refreshed ahead of expiry: is every token there in time, and how evenly? */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { emptyResult, type BenchResult } from './result.js';
import { unevenness } from './statistics.js';
import { startApplication } from './world/application.js';
import { startChild, type Child } from './world/child.js';
import type { Deployment } from './world/deployment.js';
import { usageOf } from './world/process-usage.js';
import { seed } from './world/seed.js';
import type { World } from './world/world.js';
import { createLifecycleClient } from '../src/tokens/index.js';

/** One size. */
interface Cell {
  connections: number;
  lifetimeS: number;
  measuredS: number;
  callsPerSecond: number;
}

const CELLS: Cell[] = [
  { connections: 200, lifetimeS: 60, measuredS: 300, callsPerSecond: 20 },
  { connections: 1_000, lifetimeS: 60, measuredS: 300, callsPerSecond: 20 },
  { connections: 5_000, lifetimeS: 600, measuredS: 300, callsPerSecond: 20 },
];
const QUICK_CELLS: Cell[] = [{ connections: 10, lifetimeS: 5, measuredS: 6, callsPerSecond: 20 }];
/** The empty workflow of the same size is measured for this share of the time. */
const BASELINE_SHARE = 0.2;
const STEP_S = 5;
const STARTS_AT_ONCE = 10;
const PACKAGE = 'this package';
const EMPTY = 'empty timer-and-activity workflow';

const nameOf = ({ connections, lifetimeS }: Cell): string =>
  `${connections.toLocaleString('en-US')} connections, ${lifetimeS}-second tokens`;
/** A token is refreshed when 20 % of its life are left, and 0–5 % more for jitter. */
const periodS = ({ lifetimeS }: Cell): number => {
  const ahead = Math.min(300, lifetimeS * 0.2) + Math.min(60, lifetimeS * 0.05) / 2;
  return lifetimeS - ahead;
};

/** Many connections. */
export const manyConnections: Bench = {
  name: 'many-connections',
  async run({ quick, world: open, say }) {
    const result = emptyResult('many-connections');
    const world = await open();
    for (const cell of quick ? QUICK_CELLS : CELLS) {
      say(`  ${nameOf(cell)}`);
      await runCell(result, { cell, world, quick });
      if (!quick) await runEmpty(result, cell, world);
    }
    return result;
  },
};

async function runCell(
  result: BenchResult,
  { cell, world, quick }: { cell: Cell; world: World; quick: boolean },
): Promise<void> {
  const { deployment, endpoints } = world;
  const prefix = `many-${deployment.id}-${cell.connections}-`;
  const worker = await deployment.worker();
  const idle = await usageOf(worker.pid);
  const startedAt = Date.now() + setupMs(cell);
  await seedTokens(world, { cell, prefix, startedAt });
  const callers = await startCallers(world, cell, prefix);
  await startLifecycles(deployment, cell, prefix);
  const early = startedAt - Date.now();
  if (early < 0 && !quick)
    throw new Error(`${nameOf(cell)}: the machine is too busy to start in time.`);
  await sleep(Math.max(early, 0));

  const before = await usageOf(worker.pid);
  await callers.ask('go');
  await sleep(cell.measuredS * 1_000);
  const endedAt = Date.now();
  const calls = JSON.parse(await callers.ask('end')) as Calls;
  const after = await usageOf(worker.pid);
  await callers.stop();
  const { tokenRequests } = await endpoints.seen();
  const requests = tokenRequests.filter(
    ({ at, clientId }) => clientId.startsWith(prefix) && at >= startedAt && at < endedAt,
  );
  const perStep = histogram(
    requests.map(({ at }) => (at - startedAt) / 1_000),
    cell.measuredS,
  );
  const expected = (cell.connections * cell.measuredS) / periodS(cell);
  report(result, cell, { quick, calls, requests: requests.length, expected, perStep });
  const name = nameOf(cell);
  pushOne(result, `${name}: worker memory`, 'MB', (after.memory - idle.memory) / 1e6);
  const perConnection = (after.memory - idle.memory) / 1_024 / cell.connections;
  pushOne(result, `${name}: worker memory per connection`, 'KiB', perConnection);
  const cpuMs = ((after.cpuS - before.cpuS) * 1_000) / Math.max(requests.length, 1);
  pushOne(result, `${name}: worker processor time per refresh`, 'ms', cpuMs);
  await removeAll(deployment, prefix);
}

interface Calls {
  calls: number;
  served: number;
  failed: number;
}

interface Found {
  quick: boolean;
  calls: Calls;
  requests: number;
  expected: number;
  perStep: number[];
}

function report(result: BenchResult, cell: Cell, found: Found): void {
  const name = nameOf(cell);
  const { calls, requests, expected, perStep, quick } = found;
  result.counts.push({
    what: `${name}: API calls that were not served with a valid token`,
    value: calls.calls - calls.served,
    expected: { exactly: 0 },
  });
  if (quick) {
    // Each token is refreshed once or twice in the time, and never more.
    result.counts.push(
      { what: `${name}: token requests`, value: requests, expected: { atLeast: cell.connections } },
      {
        what: `${name}: most token requests`,
        value: requests,
        expected: { atMost: cell.connections * 3 },
      },
    );
    return;
  }
  const share = requests / expected;
  result.counts.push({ what: `${name}: API calls`, value: calls.calls, expected: null });
  result.counts.push({ what: `${name}: token requests`, value: requests, expected: null });
  result.claims.push(
    {
      claim: `${name}: token requests, of one per refresh period`,
      toReach: 'within 5 %',
      measured: `${((share - 1) * 100).toFixed(1)} %`,
      met: Math.abs(share - 1) <= 0.05,
    },
    {
      claim: `${name}: unevenness of token requests over ${STEP_S} s (Poisson: ${(1 / Math.sqrt(expected / perStep.length)).toFixed(2)})`,
      toReach: 'flat',
      measured: unevenness(perStep).toFixed(2),
      met: unevenness(perStep) <= 1.5 / Math.sqrt(expected / perStep.length),
    },
  );
  result.series.push({
    name,
    unit: `token requests in ${STEP_S} s`,
    stepS: STEP_S,
    values: perStep,
  });
}

/** Seeding, starting each lifecycle, and time for each to look at its record and set its timer. */
const setupMs = ({ connections }: Cell): number => 5_000 + connections * 45;

/**
 * Tokens in the middle of their lives, evenly, as they are after some time. Nothing is due before the
 * measuring starts: seen from now some are issued in the future.
 */
async function seedTokens(
  { deployment, endpoints }: World,
  { cell, prefix, startedAt }: { cell: Cell; prefix: string; startedAt: number },
): Promise<void> {
  const ids = Array.from({ length: cell.connections }, (_, index) => `${prefix}${index}`);
  const token = (index: number): string => `seeded-token-${prefix}${index}`;
  const phaseMs = (index: number): number => (index / cell.connections) * periodS(cell) * 1_000;
  const ageMs = (index: number): number => phaseMs(index) - (startedAt - Date.now());
  await seed(deployment, {
    ...{ ids, token, ageMs },
    connection: { lifetimeS: cell.lifetimeS, refresh: 'ahead' },
  });
  await endpoints.know(
    ids.map((_, index) => [token(index), cell.lifetimeS * 1_000 - ageMs(index)]),
  );
}

async function startCallers(world: World, cell: Cell, prefix: string): Promise<Child> {
  const env = {
    ...world.deployment.environment(),
    BENCH_PREFIX: prefix,
    BENCH_CONNECTIONS: String(cell.connections),
    BENCH_CALLS_PER_SECOND: String(cell.callsPerSecond),
    BENCH_API_URL: world.endpoints.apiUrl,
  };
  return (await startChild('bench/processes/steady-callers.ts', { env })).child;
}

async function startLifecycles(deployment: Deployment, cell: Cell, prefix: string): Promise<void> {
  const { client, taskQueue } = deployment;
  const { connection } = client;
  const lifecycle = createLifecycleClient({ connection, namespace: 'default', taskQueue });
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < cell.connections) await lifecycle.start(`${prefix}${next++}`);
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, lane));
}

/** Ends the lifecycles: the next size is to have the servers to itself. */
async function removeAll(deployment: Deployment, prefix: string): Promise<void> {
  const { database } = deployment;
  const found = await database.connections
    .find({ _id: { $gte: prefix, $lt: `${prefix}~` } }, { projection: { _id: 1 } })
    .toArray();
  const ids = found.map(({ _id }) => _id);
  await database.connections.deleteMany({ _id: { $in: ids } });
  await terminateAll(
    deployment,
    ids.map((id) => `oauth-token/${id}`),
  );
}

async function terminateAll({ client }: Deployment, workflowIds: string[]): Promise<void> {
  const lane = async (): Promise<void> => {
    for (let id = workflowIds.pop(); id !== undefined; id = workflowIds.pop()) {
      await client.workflow.getHandle(id).terminate('The bench is over.');
    }
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, lane));
}

/** What Temporal alone needs for the same: a timer and an activity that does nothing. */
async function runEmpty(result: BenchResult, cell: Cell, world: World): Promise<void> {
  const { deployment } = world;
  const application = await startApplication(deployment);
  const { pid } = application.process;
  const idle = await usageOf(pid);
  const everyMs = periodS(cell) * 1_000;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < cell.connections) {
      const index = next++;
      const firstMs = (index / cell.connections) * everyMs;
      await deployment.client.workflow.start('timerAndActivity', {
        ...{ taskQueue: application.taskQueue, args: [{ firstMs, everyMs }] },
        workflowId: `${application.taskQueue}-${index}`,
      });
    }
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, lane));
  const before = await usageOf(pid);
  const measuredS = cell.measuredS * BASELINE_SHARE;
  await sleep(measuredS * 1_000);
  const after = await usageOf(pid);
  const refreshes = (cell.connections * measuredS) / periodS(cell);
  const name = nameOf(cell);
  const perConnection = (after.memory - idle.memory) / 1_024 / cell.connections;
  pushOne(result, `${name}: worker memory per connection`, 'KiB', perConnection, EMPTY);
  const cpuMs = ((after.cpuS - before.cpuS) * 1_000) / refreshes;
  pushOne(result, `${name}: worker processor time per refresh`, 'ms', cpuMs, EMPTY);
  compare(result, `${name}: worker memory per connection`);
  compare(result, `${name}: worker processor time per refresh`);
  const ids = Array.from(
    { length: cell.connections },
    (_, index) => `${application.taskQueue}-${index}`,
  );
  await terminateAll(deployment, ids);
  await application.process.stop();
}

function pushOne(
  result: BenchResult,
  cell: string,
  unit: string,
  value: number,
  subject = PACKAGE,
): void {
  result.measures.push({ cell, subject, unit, rounds: [value] });
}

function compare(result: BenchResult, cell: string): void {
  const of = (subject: string): number =>
    result.measures.find((one) => one.cell === cell && one.subject === subject)?.rounds[0] ?? NaN;
  result.ratios.push({ cell, of: PACKAGE, to: EMPTY, rounds: [of(PACKAGE) / of(EMPTY)] });
}

function histogram(atS: number[], lengthS: number): number[] {
  const steps = Array.from({ length: Math.floor(lengthS / STEP_S) }, () => 0);
  for (const at of atS) {
    const step = Math.floor(at / STEP_S);
    const sofar = steps[step];
    if (sofar !== undefined) steps[step] = sofar + 1;
  }
  return steps;
}
