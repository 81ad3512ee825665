// Downloads the Temporal CLI the way the SDK's own test environment does, as a process of its own:
// node official-temporal.js FOLDER VERSION leaves FOLDER/temporal-VERSION. See official-download.ts.
import process from 'node:process';
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [, , downloadDir, version] = process.argv;
try {
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir, version } },
  });
  await environment.teardown();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
