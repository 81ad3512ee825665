import { mkdir } from 'node:fs/promises';
import { mongodBinary } from './mongod-binary.js';
import { checkReplicaSet, ensurePrimary, REPLICA_SET } from './mongodb-ready.js';
import { freePort, LOOPBACK } from './ports.js';
import { silent, type Progress } from './progress.js';
import { startServer, waitForExternal } from './start-server.js';

/** How a mongod is started; everything is optional. */
export interface MongodbOptions {
  /** By default a free one. */
  port?: number;
  /** Folder that keeps the data, made if it is missing; by default a temporary one that goes with the server. */
  dbPath?: string;
  progress?: Progress;
}

/** A one-node replica set that can be written to. */
export interface MongodbServer {
  /** Connection string, with `replicaSet`. */
  uri: string;
  /** Whether somebody else runs it (`MONGODB_URI`). */
  external: boolean;
  /** Process id, or null for an external one. A test may SIGKILL it and start another. */
  pid: number | null;
  /** Stops it, unless it is external. Safe to call again, and after it was killed. */
  stop: () => Promise<void>;
}

/** mongod logs JSON lines; severity error or fatal. */
export const MONGOD_ERROR_LINE = /"s":"[EF]"/;

async function useExternal(uri: string): Promise<MongodbServer> {
  await waitForExternal('MongoDB at MONGODB_URI', () => checkReplicaSet(uri));
  return { uri, external: true, pid: null, stop: () => Promise.resolve() };
}

/** Arguments of a mongod of ours, one of a replica set. */
export function mongodArguments(port: number, dbPath: string): string[] {
  return [
    ...['--replSet', REPLICA_SET, '--bind_ip', LOOPBACK, '--port', String(port)],
    ...['--dbpath', dbPath],
    // A socket file in /tmp would outlive a killed server.
    '--nounixsocket',
    // Small enough to run beside everything else on a laptop.
    ...['--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '64'],
    ...['--setParameter', 'diagnosticDataCollectionEnabled=false', '--quiet'],
    // By default it stays for 15 s so that clients may leave; those of tests have left.
    ...['--setParameter', 'shutdownTimeoutMillisForSignaledShutdown=100'],
  ];
}

/**
 * Starts a mongod on 127.0.0.1 as a one-node replica set, or uses what `MONGODB_URI` names, and
 * waits for a writable primary. It can be started again with the `dbPath` of one before it, on the
 * same port or another.
 * @throws Error if it cannot be had or does not become ready
 */
export async function startMongodb(options: MongodbOptions = {}): Promise<MongodbServer> {
  const { progress = silent } = options;
  const external = process.env['MONGODB_URI'];
  if (external) return useExternal(external);
  const command = await mongodBinary(progress);
  const port = options.port ?? (await freePort());
  const host = `${LOOPBACK}:${port}`;
  if (options.dbPath !== undefined) await mkdir(options.dbPath, { recursive: true });
  const server = await startServer({
    name: 'mongod',
    command,
    args: (temporaryPath) => mongodArguments(port, options.dbPath ?? temporaryPath),
    ports: [port],
    errorLine: MONGOD_ERROR_LINE,
    check: () => ensurePrimary(host),
  });
  const uri = `mongodb://${host}/?replicaSet=${REPLICA_SET}`;
  return { uri, external: false, pid: server.pid, stop: server.stop };
}
