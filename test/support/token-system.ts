/** A whole little token deployment for one test file, on the real servers. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { MongoClient } from 'mongodb';
import { inject } from 'vitest';
import {
  startAuthorizationServer,
  type AuthorizationServer,
  type AuthorizationServerOptions,
} from '../../dev/system/authorization-server.js';
import { startSuperserviceApi } from '../../dev/system/superservice-api.js';
import { putConnection, type PutResult } from '../../src/connections/index.js';
import { createNetwork } from '../../src/network.js';
import {
  createFileKeyProvider,
  generateKeys,
  openDatabase,
  type KeyProvider,
} from '../../src/store/index.js';
import {
  createLifecycleClient,
  createNoticeClient,
  createTokenSource,
  wakeParked,
  type TokenSource,
  type TokenSourceOptions,
} from '../../src/tokens/index.js';
import { createTokenWorker, type TokenWorker, type TokenWorkerOptions } from '../../src/worker.js';

export const CLIENT_ID = 'client_id_123';
export const CLIENT_SECRET = 'marked-client-secret-5a1f';

export interface SystemOptions {
  authorizationServer?: Partial<AuthorizationServerOptions>;
  temporalAddress?: string;
  mongodbUri?: string;
  /** Folder for key files; by default the test run's. */
  scratch?: string;
}

export type TokenSystem = Awaited<ReturnType<typeof startTokenSystem>>;

/** Starts the authorization server and the API, and prepares a database, keys and task queues. */
export async function startTokenSystem(options: SystemOptions = {}) {
  const id = randomBytes(5).toString('hex');
  const authorizationServer = await startAuthorizationServer({
    clients: [
      {
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        grantTypes: ['client_credentials', 'refresh_token'],
      },
    ],
    ...options.authorizationServer,
  });
  const api = await startSuperserviceApi(introspection(authorizationServer));
  const address = options.temporalAddress ?? inject('temporalAddress');
  const mongodbUri = withDatabase(options.mongodbUri ?? inject('mongodbUri'), `t_${id}`);
  const keysFile = join(options.scratch ?? inject('scratch'), `keys-${id}.json`);
  await generateKeys(keysFile);
  const mongodb = new MongoClient(mongodbUri);
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace: 'default' });
  const taskQueue = `oauth-tokens-${id}`;
  const database = openDatabase(mongodb);
  const keys = createFileKeyProvider(keysFile);
  const network = createNetwork({ mode: 'loopback' });
  const closing: (() => Promise<void>)[] = [];

  async function put(
    file: Record<string, unknown>,
    environment?: NodeJS.ProcessEnv,
    sealedWith: KeyProvider = keys,
  ): Promise<PutResult> {
    const deployment = { connection, namespace: 'default', taskQueue };
    const notices = createNoticeClient(deployment);
    const lifecycle = {
      ...createLifecycleClient(deployment),
      wake: (id: string) => wakeParked(database, notices, id),
    };
    return putConnection(
      {
        ...{ database, keys: sealedWith, network, lifecycle },
        environment: environment ?? { CLIENT_SECRET },
        updatedBy: 'test',
        warn: () => undefined,
      },
      { file, directory: '.' },
    );
  }

  /** A client-credentials connection file; ids are the test's own, so that files do not meet. */
  function connectionFile(name: string, changes: Record<string, unknown> = {}) {
    return {
      connectionId: `${name}-${id}`,
      authorizationServer: { tokenEndpoint: authorizationServer.tokenEndpoint },
      client: {
        clientId: CLIENT_ID,
        authentication: 'client_secret_post',
        clientSecret: { env: 'CLIENT_SECRET' },
      },
      grant: { grantType: 'client_credentials', scope: 'read' },
      api: { allowedOrigins: [api.origin] },
      ...changes,
    };
  }

  function source(changes: Partial<TokenSourceOptions> = {}): TokenSource {
    const made = createTokenSource({
      ...{ mongodb, keys: keysFile, client, taskQueue, network: 'loopback' as const },
      ...changes,
    });
    closing.push(() => made.close());
    return made;
  }

  async function startWorker(
    changes: Partial<TokenWorkerOptions> = {},
  ): Promise<{ worker: TokenWorker; stop: () => Promise<void> }> {
    const native = await NativeConnection.connect({ address });
    const worker = await createTokenWorker({
      ...{ connection: native, mongodb, keys: keysFile, taskQueue, network: 'loopback' },
      ...changes,
    });
    const running = worker.run();
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> =>
      (stopped ??= (async () => {
        worker.shutdown();
        await running;
        await native.close();
      })());
    closing.push(stop);
    return { worker, stop };
  }

  /** The environment of a process of this deployment. */
  function environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      TEMPORAL_ADDRESS: address,
      MONGODB_URI: mongodbUri,
      OAUTH_TOKENS_KEYS_FILE: keysFile,
      OAUTH_TOKENS_TASK_QUEUE: taskQueue,
      OAUTH_TOKENS_NETWORK: 'loopback',
      CLIENT_SECRET,
    };
  }

  async function close(): Promise<void> {
    for (const one of closing.reverse()) await one();
    await authorizationServer.stop();
    await api.stop();
    await network.close();
    await connection.close();
    await mongodb.close();
  }

  return {
    ...{ id, authorizationServer, api, client, connection, mongodb, mongodbUri, database, keys },
    ...{
      keysFile,
      taskQueue,
      address,
      put,
      connectionFile,
      source,
      startWorker,
      environment,
      close,
    },
  };
}

function introspection(server: AuthorizationServer) {
  return {
    introspectionEndpoint: server.introspectionEndpoint,
    ...server.resourceServerClient,
  };
}

/** The URI of another database on the same servers. */
export function withDatabase(uri: string, database: string): string {
  // Not by URL, which takes one host only.
  return uri.replace(/^(mongodb:\/\/[^/?]+)(\/[^?]*)?/, `$1/${database}`);
}
