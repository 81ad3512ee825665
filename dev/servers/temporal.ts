import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { ConnectionOptions } from '@temporalio/client';
import { freePort, LOOPBACK } from './ports.js';
import { silent, type Progress } from './progress.js';
import { startServer, waitForExternal } from './start-server.js';
import { temporalBinary } from './temporal-binary.js';
import { checkTemporal } from './temporal-ready.js';

/** How a Temporal development server is started; everything is optional. */
export interface TemporalOptions {
  /** Port of the gRPC service; by default a free one. */
  port?: number;
  /** Whether there is a web UI; by default not. */
  ui?: boolean;
  /** Port of the web UI, which it also switches on; by default a free one. */
  uiPort?: number;
  /** File that keeps the server's state over a restart; by default the state is in memory. */
  dbFilename?: string;
  /** Names of search attributes to register, all of type Keyword. */
  searchAttributes?: readonly string[];
  /** Server settings by their names, such as `history.maxTotalUpdates`. */
  dynamicConfig?: Readonly<Record<string, number>>;
  progress?: Progress;
}

/** A Temporal server that can be used. */
export interface TemporalServer {
  /** `host:port` of the gRPC service. */
  address: string;
  namespace: string;
  /** URL of the web UI, or null if there is none that we know of. */
  uiUrl: string | null;
  /** Whether somebody else runs it (`TEMPORAL_ADDRESS`). */
  external: boolean;
  /** Process id, or null for an external one. A test may SIGKILL it and start another. */
  pid: number | null;
  /** Stops it, unless it is external. Safe to call again, and after it was killed. */
  stop: () => Promise<void>;
}

async function useExternal(searchAttributes: readonly string[]): Promise<TemporalServer> {
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const connection = connectionOptions as ConnectionOptions;
  const address = connection.address ?? '';
  await waitForExternal(`Temporal at TEMPORAL_ADDRESS ${address}`, () =>
    checkTemporal(connection, namespace, searchAttributes),
  );
  return {
    address,
    namespace,
    uiUrl: null,
    external: true,
    pid: null,
    stop: () => Promise.resolve(),
  };
}

function serverArguments(options: TemporalOptions, port: number, uiPort: number | null): string[] {
  const { dbFilename, searchAttributes = [], dynamicConfig = {} } = options;
  return [
    'server',
    'start-dev',
    ...['--ip', LOOPBACK, '--port', String(port), '--log-level', 'error'],
    ...(uiPort === null ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(dbFilename === undefined ? [] : ['--db-filename', dbFilename]),
    ...searchAttributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
    ...Object.entries(dynamicConfig).flatMap(([name, value]) => [
      '--dynamic-config-value',
      `${name}=${value}`,
    ]),
    // The person's own configuration of the CLI is about other servers.
    ...['--disable-config-env', '--disable-config-file'],
  ];
}

/**
 * Starts a Temporal development server on 127.0.0.1, or uses the one that `TEMPORAL_ADDRESS` names,
 * and waits until workflows can be started on it.
 *
 * Started by ourselves and not by the SDK's test environment, because tests kill the server and
 * start it again with its database file, it has to stop when this process is killed, and the
 * SDK's native core has no business in this process.
 * @throws Error if it cannot be had or does not become ready
 */
export async function startTemporal(options: TemporalOptions = {}): Promise<TemporalServer> {
  const { progress = silent, searchAttributes = [] } = options;
  if (process.env['TEMPORAL_ADDRESS']) return useExternal(searchAttributes);
  const command = await temporalBinary(progress);
  const port = options.port ?? (await freePort());
  const withUi = options.ui === true || options.uiPort !== undefined;
  const uiPort = withUi ? (options.uiPort ?? (await freePort())) : null;
  const address = `${LOOPBACK}:${port}`;

  const server = await startServer({
    name: 'temporal',
    command,
    args: () => serverArguments(options, port, uiPort),
    ports: uiPort === null ? [port] : [port, uiPort],
    check: () => checkTemporal({ address }, 'default', searchAttributes),
  });
  return {
    address,
    namespace: 'default',
    uiUrl: uiPort === null ? null : `http://${LOOPBACK}:${uiPort}`,
    external: false,
    pid: server.pid,
    stop: server.stop,
  };
}
