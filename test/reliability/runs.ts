/** Runs what docs/reliability.md is made from; each run leaves its results in a folder. */
import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Where the results lie. */
export const RESULTS = join(ROOT, '.tmp', 'reliability');
/** Reports of chaos runs, kept with the tests. */
export const REPORTS = join(ROOT, 'test', 'faults', 'chaos', 'reports');
/** Lines of JSON, one a scenario. */
export const FAULTS = join(RESULTS, 'faults');
/** The test runner's JSON report of the unit tests. */
export const UNIT = join(RESULTS, 'unit.json');

/** Runs the scenarios and the unit tests anew. @returns whether all passed */
export async function runEverything(): Promise<boolean> {
  await rm(RESULTS, { recursive: true, force: true });
  await mkdir(FAULTS, { recursive: true });
  const unit = await vitest(['--project', 'unit', '--reporter=json', `--outputFile=${UNIT}`]);
  const faults = await vitest(['--project', 'faults'], { FAULTS_RESULTS: FAULTS });
  return unit && faults;
}

function vitest(args: string[], environment: Record<string, string> = {}): Promise<boolean> {
  const child = spawn('npx', ['vitest', 'run', ...args], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status === 0));
  });
}
