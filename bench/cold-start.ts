/** From starting the process to a ready worker: the token worker against an empty one. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Bench } from './bench.js';
import { emptyResult } from './result.js';
import { measureRounds, ratiosOf } from './rounds.js';
import { median } from './statistics.js';
import { startChild } from './world/child.js';

const CELL = 'start to ready';
const PACKAGE = 'token worker';
const EMPTY = 'empty worker';
/** As deep as `dist`, because the command reads its package.json; `dist` itself is somebody else's. */
const BUILT = '.bench';
const EMPTY_WORKER = 'bench/processes/empty-worker.js';
const ROOT = fileURLToPath(new URL('../', import.meta.url));
const run = promisify(execFile);

/** The cold start. */
export const coldStart: Bench = {
  name: 'cold-start',
  async run({ quick, world }) {
    const result = emptyResult('cold-start');
    const { deployment } = await world();
    const env = deployment.environment();
    const startTime = (file: string, args: string[]) => async () => {
      const startedAt = performance.now();
      const { child } = await startChild(file, { args, env });
      const took = performance.now() - startedAt;
      await child.stop();
      return took;
    };
    const empty = startTime(EMPTY_WORKER, []);
    if (quick) {
      // There is nothing to count; that the token worker starts every other bench shows.
      await empty();
      return result;
    }
    // As users run it: built, without anything that compiles while it loads.
    const main = await build();
    await measureRounds(result, {
      ...{ cell: CELL, unit: 'ms', rounds: 7, warmUp: true },
      subjects: {
        [PACKAGE]: startTime(main, ['worker']),
        [EMPTY]: empty,
      },
      compare: [{ of: PACKAGE, to: EMPTY }],
    });
    await rm(`${ROOT}${BUILT}`, { recursive: true });
    const ratio = median(ratiosOf(result, CELL, { of: PACKAGE, to: EMPTY }));
    result.claims.push({
      claim: 'start to ready, against an empty worker',
      toReach: '≤ 1.3×',
      measured: `${ratio.toFixed(2)}×`,
      met: ratio <= 1.3,
    });
    return result;
  },
};

/** Builds the package into a folder of the bench's own; returns the command's file. */
async function build(): Promise<string> {
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  const args = ['-p', 'tsconfig.build.json', '--outDir', BUILT];
  await run(process.execPath, [tsc, ...args], { cwd: ROOT });
  return `${BUILT}/cli/main.js`;
}
