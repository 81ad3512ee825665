import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { MongoClient } from 'mongodb';
import type { MongodbServer } from '../../dev/servers/mongodb.js';
import type { TemporalServer } from '../../dev/servers/temporal.js';
import { putConnection } from '../../src/connections/index.js';
import { createNetwork } from '../../src/network.js';
import {
  createFileKeyProvider,
  generateKeys,
  openDatabase,
  type KeyProvider,
  type TokenDatabase,
} from '../../src/store/index.js';
import {
  createLifecycleClient,
  createTokenSource,
  type TokenSource,
  type TokenSourceOptions,
} from '../../src/tokens/index.js';
import { startChild, type Child } from './child.js';
import type { Endpoints } from './endpoints.js';

/** The servers a deployment is on. */
export interface Servers {
  temporal: TemporalServer;
  mongodb: MongodbServer;
  endpoints: Endpoints;
}

/** How a connection of a bench differs. */
export interface BenchConnection {
  connectionId: string;
  /** How long the token endpoint takes, in milliseconds. Default 0. */
  delayMs?: number;
  /** How long its tokens live, in seconds. Default 3600. */
  lifetimeS?: number;
  refresh?: 'on-demand' | 'ahead';
}

/** A token deployment: a database, keys, task queues, and the worker process that users start. */
export interface Deployment {
  id: string;
  taskQueue: string;
  address: string;
  mongodbUri: string;
  mongodb: MongoClient;
  database: TokenDatabase;
  keys: KeyProvider;
  keysFile: string;
  client: Client;
  put(connection: BenchConnection): Promise<void>;
  /** Starts `oauth-tokens worker` the first time, and returns it. */
  worker(): Promise<Child>;
  source(changes?: Partial<TokenSourceOptions>): TokenSource;
  /** Lets a stored token expire, or become stale, now. */
  age(connectionId: string, to: 'expired' | 'stale'): Promise<void>;
  /** Lets the token endpoint of a connection take so long from now on; its token stays good. */
  slowDown(connectionId: string, delayMs: number): Promise<void>;
  /** The environment of a process of this deployment. */
  environment(): NodeJS.ProcessEnv;
  close(): Promise<void>;
}

const SECRET = 'bench-client-secret';
const DEFAULT_LIFETIME_S = 3_600;

/** Prepares a deployment with names of its own. */
export async function createDeployment(servers: Servers): Promise<Deployment> {
  const { temporal, mongodb: server, endpoints } = servers;
  const id = randomBytes(4).toString('hex');
  const mongodbUri = withDatabase(server.uri, `bench_${id}`);
  const folder = await mkdtemp(join(tmpdir(), 'temporal-oauth-tokens-bench-'));
  const keysFile = join(folder, 'keys.json');
  await generateKeys(keysFile);
  const keys = createFileKeyProvider(keysFile);
  const mongodb = new MongoClient(mongodbUri);
  const database = openDatabase(mongodb);
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: 'default' });
  const taskQueue = `oauth-tokens-${id}`;
  const network = createNetwork({ mode: 'loopback' });
  const lifecycle = {
    ...createLifecycleClient({ connection, namespace: 'default', taskQueue }),
    // Nobody waits for a consent here.
    wake: () => Promise.resolve(),
  };
  const closing: (() => Promise<unknown>)[] = [];
  let worker: Promise<Child> | undefined;

  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    TEMPORAL_ADDRESS: temporal.address,
    MONGODB_URI: mongodbUri,
    OAUTH_TOKENS_KEYS_FILE: keysFile,
    OAUTH_TOKENS_TASK_QUEUE: taskQueue,
    OAUTH_TOKENS_NETWORK: 'loopback',
    LOG_LEVEL: 'error',
  });

  return {
    ...{ id, taskQueue, mongodbUri, mongodb, database, keys, keysFile, client, environment },
    address: temporal.address,
    async put(wanted) {
      await putConnection(
        {
          ...{ database, keys, network, lifecycle, updatedBy: 'bench' },
          environment: { CLIENT_SECRET: SECRET },
          warn: () => undefined,
        },
        { file: connectionFile(wanted, endpoints), directory: '.' },
      );
    },
    worker() {
      worker ??= startWorker(environment());
      return worker;
    },
    source(changes = {}) {
      const source = createTokenSource({
        ...{ mongodb, keys, client, taskQueue, network: 'loopback' as const },
        ...changes,
      });
      closing.push(() => source.close());
      return source;
    },
    async age(connectionId, to) {
      const past = new Date(0);
      const set =
        to === 'expired' ? { expiresAt: past, refreshAfter: past } : { refreshAfter: past };
      await database.tokens.updateOne({ _id: connectionId }, { $set: set });
    },
    async slowDown(connectionId, delayMs) {
      const tokenEndpoint = endpoints.tokenEndpoint(delayMs, DEFAULT_LIFETIME_S);
      await database.connections.updateOne(
        { _id: connectionId },
        { $set: { 'authorizationServer.tokenEndpoint': tokenEndpoint } },
      );
    },
    async close() {
      for (const one of closing.reverse()) await one();
      await (await worker)?.stop();
      await network.close();
      await connection.close();
      await mongodb.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startWorker(env: NodeJS.ProcessEnv): Promise<Child> {
  return (await startChild('src/cli/main.ts', { args: ['worker'], env })).child;
}

/** A connection file as users write it; its client id is its connection id, so that it can be counted. */
function connectionFile(wanted: BenchConnection, endpoints: Endpoints): Record<string, unknown> {
  const {
    connectionId,
    delayMs = 0,
    lifetimeS = DEFAULT_LIFETIME_S,
    refresh = 'on-demand',
  } = wanted;
  return {
    connectionId,
    authorizationServer: {
      tokenEndpoint: endpoints.tokenEndpoint(delayMs, lifetimeS),
      requestTimeoutMs: Math.max(10_000, delayMs * 2),
    },
    client: {
      clientId: connectionId,
      authentication: 'client_secret_post',
      clientSecret: { env: 'CLIENT_SECRET' },
    },
    grant: { grantType: 'client_credentials', scope: 'read' },
    api: { allowedOrigins: [endpoints.origin] },
    lifetime: { refresh },
  };
}

/** The URI of another database on the same server. */
export function withDatabase(uri: string, database: string): string {
  const url = new URL(uri);
  url.pathname = `/${database}`;
  return url.href;
}
