/**
 * `npm run bench`: measures and writes bench/results and docs/performance.md. `-- NAME…` runs some,
 * `-- --quick` runs all of them small, writes nothing, and fails when something that is counted is
 * wrong; `-- --report` writes the page from the results that are there.
 */
import { parseArgs } from 'node:util';
import { runToTheEnd } from '../dev/servers/lifetime.js';
import type { Bench, BenchContext } from './bench.js';
import { activityCalls } from './activity-calls.js';
import { coldStart } from './cold-start.js';
import { durableRefresh } from './durable-refresh.js';
import { hotPath } from './hot-path.js';
import { lookUps } from './look-ups.js';
import { manyConnections } from './many-connections.js';
import { registry } from './registry.js';
import { staleToken } from './stale-token.js';
import { stampede } from './stampede.js';
import { memory } from './memory.js';
import { sayResult, wrongCounts } from './report/console.js';
import { writePage } from './report/page.js';
import { keepResult } from './report/results.js';
import { startWorld, type World } from './world/world.js';

const BENCHES: Bench[] = [
  hotPath,
  activityCalls,
  stampede,
  durableRefresh,
  staleToken,
  manyConnections,
  registry,
  lookUps,
  coldStart,
  memory,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Servers that are started when a bench first asks for them. */
function openWorld(): { world: () => Promise<World>; close: () => Promise<void> } {
  let started: Promise<World> | undefined;
  return {
    world: () => (started ??= startWorld(say)),
    close: async () => (await started)?.close(),
  };
}

function chosen(): Bench[] {
  const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    const names = BENCHES.map(({ name }) => name).join(', ');
    throw new Error(`There is no bench ${unknown.join(', ')}; there are: ${names}.`);
  }
  return positionals.length === 0
    ? BENCHES
    : BENCHES.filter(({ name }) => positionals.includes(name));
}

async function runAll(benches: Bench[], stopping: AbortSignal): Promise<void> {
  const { quick } = values;
  // Counts do not mind a shared world; what is measured gets servers without a past.
  const shared = openWorld();
  const wrong: string[] = [];
  for (const bench of benches) {
    if (stopping.aborted) return;
    const own = quick ? shared : openWorld();
    const context: BenchContext = { quick, world: own.world, say };
    const startedAt = performance.now();
    const result = await bench.run(context);
    if (!quick) await own.close();
    say(`\n${bench.name}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
    sayResult(result, quick, say);
    wrong.push(...wrongCounts(result));
    if (!quick) await keepResult(result);
  }
  await shared.close();
  if (wrong.length > 0) throw new Error(`Wrong counts:\n${wrong.join('\n')}`);
}

await runToTheEnd(async (stopping) => {
  if (!values.report) await runAll(chosen(), stopping);
  if (!values.quick) await writePage();
});
