/**
 * `npm run chaos -- --minutes 10 --seed N`: random faults on a whole deployment under steady calls,
 * and at the end the checker. The schedule of faults follows from the seed alone.
 */
import { setMaxListeners } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { runToTheEnd } from '../../../dev/servers/lifetime.js';
import { keepCalling, pause, type Calls } from './callers.js';
import { mend, startDeployment, type ChaosDeployment } from './deployment.js';
import { keepAuthorizing, type Loss } from './losses.js';
import { unleash, type Injected } from './nemesis.js';
import { createRandom } from './random.js';
import { makeSchedule } from './schedule.js';
import { withTimeout } from './time-limit.js';
import { awaitQuiescence, judgeRun, type ChaosReport } from './verdict.js';

/** Callers have their own limits; what still waits after that will not be answered. */
const LAST_WAITERS_MS = 120_000;
const PROGRESS_EVERY_MS = 15_000;

interface Arguments {
  minutes: number;
  seed: number;
  report: string;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string' },
      report: { type: 'string' },
    },
  });
  const minutes = Number(values.minutes);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
    throw new TypeError('Usage: npm run chaos -- [--minutes 10] [--seed N] [--report FILE]');
  }
  return { minutes, seed, report: values.report ?? `.tmp/chaos/seed-${seed}.json` };
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function chaos(stopping: AbortSignal): Promise<void> {
  const { minutes, seed, report: path } = readArguments();
  const schedule = makeSchedule(seed, minutes);
  // Everybody who waits for the end is a listener.
  setMaxListeners(0, stopping);
  say(`chaos: seed ${seed}, ${minutes} min, ${schedule.length} faults`);
  const deployment = await startDeployment(createRandom(seed), say);
  const run = {
    ...{ seed, minutes },
    injected: { counts: {}, log: [], problems: [] } as Injected,
    calls: { served: 0, refused: {}, otherStatus: 0, workflows: 0 },
    losses: [] as Loss[],
  };
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, stopping]);
  setMaxListeners(0, signal);
  const beganAt = performance.now();
  const steady = [
    keepCalling(deployment, { signal, calls: run.calls }),
    keepAuthorizing(deployment, { signal, losses: run.losses }),
    showProgress(deployment, { run, beganAt, signal }),
  ];
  await unleash(deployment, schedule, { beganAt, signal: stopping, injected: run.injected });
  await pause(beganAt + minutes * 60_000 - performance.now(), stopping);
  over.abort();
  say('the faults are over; waiting until every connection is at rest');
  await mend(deployment);
  const calmSince = performance.now();
  const rest = await awaitQuiescence(deployment, run.calls);
  // Whoever still waits after that is a violation.
  await withTimeout(Promise.all(steady), LAST_WAITERS_MS).catch(() => undefined);
  // What refreshes ahead would go on while it is looked at.
  await Promise.all(deployment.workers.map((worker) => worker.end()));
  say(`at rest after ${Math.round(rest.quiescenceMs / 1_000)} s; checking`);
  const report = await judgeRun(deployment, { ...run, calmSince }, rest);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  print(report, path);
  if (report.violations.length > 0) throw new Error(`${report.violations.length} violations`);
}

async function showProgress(
  { fault }: ChaosDeployment,
  {
    run,
    beganAt,
    signal,
  }: {
    run: { injected: Injected; calls: Calls; losses: Loss[] };
    beganAt: number;
    signal: AbortSignal;
  },
): Promise<void> {
  while (await pause(PROGRESS_EVERY_MS, signal)) {
    const { injected, calls, losses } = run;
    const faults = Object.values(injected.counts).reduce((sum, count) => sum + count, 0);
    const refused = Object.values(calls.refused).reduce((sum, count) => sum + count, 0);
    const seconds = Math.round((performance.now() - beganAt) / 1_000);
    say(
      `${seconds} s: ${faults} faults over, ${fault.server.exchanges.length} token requests, ` +
        `${calls.served} calls served, ${refused} refused, ${losses.length} grants lost`,
    );
  }
}

function print(report: ChaosReport, path: string): void {
  const { violations, losses, timelines } = report;
  const inTheFileOnly = { violations: undefined, losses: undefined, timelines: undefined };
  say(JSON.stringify({ ...report, ...inTheFileOnly, faultLog: undefined }, null, 2));
  for (const loss of losses) say(`lost: ${JSON.stringify(loss)}`);
  for (const [id, timeline] of Object.entries(timelines)) say(`${id}\n  ${timeline.join('\n  ')}`);
  for (const violation of violations) say(`VIOLATION ${violation}`);
  say(`${violations.length} violations; report in ${path}`);
}

await runToTheEnd(chaos);
