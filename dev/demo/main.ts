/**
 * `npm run demo`: the SuperService example as a real little system. `-- --connect`: an account that a
 * person connects. `-- --once` ends by itself.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runToTheEnd } from '../servers/lifetime.js';
import { connectDemo } from './connect.js';
import { epilogue } from './epilogue.js';
import { headline, line, paint } from './print.js';
import { startSystem, type DemoSystem } from './system.js';
import { Timeline } from './timeline.js';

const CALLS = 60;
const EVERY_MS = 1_000;
const REVOKED_AFTER_MS = 37_000;
const WORKFLOW_ID = 'watch-things';

async function callForAMinute(system: DemoSystem): Promise<void> {
  headline(`A workflow calls the API ${CALLS} times in a minute`);
  const timeline = new Timeline(system);
  await timeline.start();
  const handle = await system.client.workflow.start('watchThings', {
    ...{ taskQueue: 'superservice-application', workflowId: WORKFLOW_ID },
    args: [{ calls: CALLS, everyMs: EVERY_MS }],
    staticSummary: 'calls the SuperService API and knows nothing of tokens',
  });
  const revocation = sleep(REVOKED_AFTER_MS).then(() => {
    system.authorizationServer.revokeAllAccessTokens();
    timeline.tell('✗', 'the token is revoked', 'at the authorization server, behind our back');
  });
  await Promise.all([handle.result(), revocation]);
  await timeline.stop();
}

async function stayUntilStopped(system: DemoSystem, stopping: AbortSignal): Promise<void> {
  headline('Everything stays up until Ctrl-C');
  const names = [
    'TEMPORAL_ADDRESS',
    'MONGODB_URI',
    'OAUTH_TOKENS_KEYS_FILE',
    'OAUTH_TOKENS_NETWORK',
    'OAUTH_TOKENS_UI_URL',
  ];
  line('  Try the command line in another terminal:');
  line(`    cd '${process.cwd()}'`);
  for (const name of names) line(`    export ${name}='${system.environment[name] ?? ''}'`);
  for (const command of [
    'status superservice',
    'refresh superservice',
    `call superservice GET ${system.api.origin}/v1/things`,
    'connection list',
    'doctor superservice',
    '--help',
  ]) {
    line(`    ${paint('cyan', `npx tsx src/cli/main.ts ${command}`)}`);
  }
  if (!stopping.aborted) await once(stopping, 'abort');
}

const flag = { type: 'boolean', default: false } as const;
const { values } = parseArgs({ options: { once: flag, connect: flag } });

await runToTheEnd(async (stopping) => {
  if (values.connect) return connectDemo(values.once, stopping);
  const system = await startSystem();
  await callForAMinute(system);
  await epilogue(system, WORKFLOW_ID);
  if (!values.once) await stayUntilStopped(system, stopping);
  line();
});
