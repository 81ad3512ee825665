/** The demo of the connect page, with a scripted person: the whole way from an empty database. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { expect, inject, it } from 'vitest';
import { withDatabase } from '../support/token-system.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

it('npm run demo -- --connect --once: a parked workflow goes on when a person has connected', async () => {
  const id = randomBytes(4).toString('hex');
  const env = {
    ...process.env,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    MONGODB_URI: withDatabase(inject('mongodbUri'), `demo_${id}`),
    OAUTH_TOKENS_TASK_QUEUE: `demo-${id}`,
  };
  const argv = ['--import', 'tsx', 'dev/demo/main.ts', '--connect', '--once'];
  const { stdout } = await run(process.execPath, argv, { cwd: ROOT, env });
  const told = [
    'is parked',
    'presses Connect',
    'You can close this window',
    'goes on: epoch 2',
    'found: none',
  ];
  expect(stdout).toMatch(new RegExp(told.join('[^]*')));
});
