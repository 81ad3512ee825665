// An empty Temporal worker, as plain JavaScript like the built command it is compared with.
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
});
const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
const worker = await Worker.create({
  connection,
  taskQueue: 'empty',
  workflowsPath: fileURLToPath(new URL('./empty-workflow.js', import.meta.url)),
});
const running = worker.run();
process.stdout.write('worker ready\n');
await running;
await connection.close();
