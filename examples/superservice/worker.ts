/** The application's worker process. It holds a key file that opens access tokens and nothing else. */
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createTokenSource } from 'temporal-oauth-tokens';
import { createSuperserviceActivities } from './activities.js';

const { MONGODB_URI = '', ACCESS_KEYS_FILE = '', SUPERSERVICE_ORIGIN = '' } = process.env;

Runtime.install({ logger: new DefaultLogger('WARN') });

const connection = await NativeConnection.connect({
  address: process.env['TEMPORAL_ADDRESS'] ?? 'localhost:7233',
});
const tokens = createTokenSource({
  mongodb: MONGODB_URI,
  keys: ACCESS_KEYS_FILE,
  network: SUPERSERVICE_ORIGIN.startsWith('http:') ? 'loopback' : 'public',
});
const worker = await Worker.create({
  connection,
  taskQueue: 'superservice-application',
  workflowsPath: fileURLToPath(new URL('./workflows.ts', import.meta.url)),
  activities: createSuperserviceActivities({ tokens, origin: SUPERSERVICE_ORIGIN }),
});
const running = worker.run();
console.log('worker ready: task queue superservice-application');
await running;
await tokens.close();
await connection.close();
