// A command for lifetime.test.ts: starts a "server" and a folder, says so, and ends as it is told.
import { once } from 'node:events';
import { join } from 'node:path';
import { temporaryFolder } from '../../dev/servers/data-folder.js';
import { runToTheEnd } from '../../dev/servers/lifetime.js';
import { startServerProcess } from '../../dev/servers/server-process.js';

const ending = process.argv[2];

await runToTheEnd(async (stopping) => {
  const folder = await temporaryFolder('lifetime-test');
  const server = await startServerProcess({
    name: 'server',
    command: 'sleep',
    args: ['60'],
    ports: [],
    logFile: join(folder.path, 'server.log'),
  });
  console.log(JSON.stringify({ child: server.pid, folder: folder.path }));
  // The test looks at the server first, and then closes stdin.
  await once(process.stdin.resume(), 'end');
  if (ending === 'success') return;
  if (ending === 'failure') throw new Error('as asked: failure');
  if (ending === 'exit') process.exit(3);
  if (ending === 'uncaught')
    setTimeout(() => {
      throw new Error('as asked: uncaught');
    }, 10);
  const waiting = setInterval(() => undefined, 1_000);
  if (!stopping.aborted) await once(stopping, 'abort');
  clearInterval(waiting);
});
