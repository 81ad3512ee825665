// Prints the closing line of .ci/run from the test runner's JSON report, and exits as the tests did:
// a crashed runner, or a file that could not be loaded, has failed although no test says so; and so
// have benches whose counts were wrong.
import { readFileSync } from 'node:fs';
import process from 'node:process';

const [, , file, status, benchStatus] = process.argv;

function readReport() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

const report = readReport();
const passed = report?.numPassedTests ?? 0;
const failedTests = report?.numFailedTests ?? 0;
const broken = status !== '0' && failedTests === 0 ? 1 : 0;
const wrongCounts = benchStatus === '0' ? 0 : 1;
const failed = failedTests + broken + wrongCounts + (report === null || passed === 0 ? 1 : 0);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
