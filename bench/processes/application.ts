/** The benches' application: a worker of its own beside the token worker, as users have one. */
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createTokenSource } from '../../src/tokens/index.js';
import { createApplicationActivities } from './application-activities.js';

const variable = (name: string): string => process.env[name] ?? '';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const connection = await NativeConnection.connect({ address: variable('TEMPORAL_ADDRESS') });
const tokens = createTokenSource({
  mongodb: variable('MONGODB_URI'),
  keys: variable('OAUTH_TOKENS_KEYS_FILE'),
  network: 'loopback',
});
const worker = await Worker.create({
  connection,
  taskQueue: variable('BENCH_TASK_QUEUE'),
  workflowsPath: fileURLToPath(new URL('./application-workflows.ts', import.meta.url)),
  activities: createApplicationActivities(tokens),
  maxConcurrentActivityTaskExecutions: 250,
});
const running = worker.run();
process.stdout.write('application ready\n');
await running;
await tokens.close();
await connection.close();
