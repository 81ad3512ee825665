import { NativeConnection, Runtime } from '@temporalio/worker';
import type { Config } from './config.js';
import { loadDataConverter } from './data-converter.js';
import { createLogger, temporalLogger } from './logging.js';
import { createTokenWorker } from './worker.js';

/**
 * The worker process: from configuration to two running Workers, until SIGTERM or SIGINT. Prints
 * one line with `worker ready` on standard output; logs go to standard error.
 *
 * @throws when something it needs is missing; nothing is left running then
 */
export async function runWorkerProcess(config: Readonly<Config>): Promise<void> {
  const logger = createLogger(config.logLevel);
  const { metricsAddress } = config;
  Runtime.install({
    logger: temporalLogger(logger),
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      ...(metricsAddress === null
        ? {}
        : { metrics: { prometheus: { bindAddress: metricsAddress } } }),
    },
  });
  const { namespace, taskQueue, network } = config;
  const connection = await NativeConnection.connect(config.temporal.connectionOptions);
  try {
    const worker = await createTokenWorker({
      connection,
      mongodb: config.mongodbUri,
      keys: config.keysFile,
      namespace,
      taskQueue,
      network,
      dataConverter: await loadDataConverter(config.dataConverterPath),
      proxy: config.proxy ?? undefined,
      searchAttributes: config.searchAttributes,
      events: config.events ?? undefined,
      journalFolder: config.journalFolder ?? undefined,
      onWarning: (message) => logger.warn(message),
    });
    const running = worker.run();
    process.stdout.write(
      `worker ready: namespace ${namespace}, task queues ${taskQueue} and ${taskQueue}-issue, network ${network}\n`,
    );
    await running;
  } finally {
    await connection.close();
  }
}
