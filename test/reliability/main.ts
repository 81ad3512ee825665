/**
 * `npm run reliability`: runs the scenarios, the exploration and the unit tests, and writes
 * docs/reliability.md from what they measured. `--from-results` uses the results of the last run.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';
import { exploreAll } from './exploration.js';
import { reliabilityPage } from './page.js';
import { readBadInputs, readChaosReports, readScenarios } from './results.js';
import { runEverything } from './runs.js';

const PAGE = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));

const passed = process.argv.includes('--from-results') || (await runEverything());
console.log('exploring every order of the rotation machine…');
const exploration = exploreAll();
const scenarios = await readScenarios();
const page = reliabilityPage({
  ...{ scenarios, exploration },
  badInputs: await readBadInputs(),
  chaos: await readChaosReports(),
});
const options = (await prettier.resolveConfig(PAGE)) ?? {};
await writeFile(PAGE, await prettier.format(page, { ...options, filepath: PAGE }));
console.log(`written: ${PAGE}`);
const survived = scenarios.length > 0 && scenarios.every((one) => one.survived);
process.exitCode = passed && survived && exploration.bad === 0 ? 0 : 1;
