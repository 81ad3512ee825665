/** A process with many callers of one connection; told by its parent when to start. */
import { once } from 'node:events';
import { Client, Connection } from '@temporalio/client';
import { createTokenSource } from '../../src/index.js';

const environment = process.env;
const [, , connectionId = '', count = '1'] = process.argv;

const connection = await Connection.connect({ address: environment['TEMPORAL_ADDRESS'] ?? '' });
const tokens = createTokenSource({
  mongodb: environment['MONGODB_URI'] ?? '',
  keys: environment['OAUTH_TOKENS_KEYS_FILE'] ?? '',
  client: new Client({ connection }),
  taskQueue: environment['OAUTH_TOKENS_TASK_QUEUE'],
  network: 'loopback',
});
process.stdout.write('ready\n');
await once(process.stdin, 'data');

const startedAt = performance.now();
const results = await Promise.allSettled(
  Array.from({ length: Number(count) }, () => tokens.getAccessToken(connectionId)),
);
const served = results.filter((result) => result.status === 'fulfilled');
const failures = results.flatMap((result) =>
  result.status === 'rejected' ? [String((result.reason as { type?: string }).type)] : [],
);
const generations = [...new Set(served.map((result) => result.value.generation))];
const report = { served: served.length, failures, generations, ms: performance.now() - startedAt };
process.stdout.write(`${JSON.stringify(report)}\n`);
await tokens.close();
await connection.close();
