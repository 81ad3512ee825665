import type { Client, Connection, ConnectionOptions } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type { Config } from '../config.js';
import type { Network } from '../network.js';
import type { KeyProvider, TokenDatabase } from '../store/index.js';
import type { LifecycleClient } from '../tokens/index.js';
import { CommandError } from './command-error.js';

/** Temporal and MongoDB not answering is said within 15 s; this leaves time for what follows. */
const CONNECT_MS = 8_000;
/** One request to Temporal that does not wait for a workflow. */
export const REQUEST_MS = 5_000;

/** Temporal as a command reaches it. */
export interface TemporalAccess {
  connection: Connection;
  client: Client;
}

/** What a command opens, each at its first use, and closed at its end. */
export class CliContext {
  readonly config: Readonly<Config>;
  readonly #warn: (message: string) => void;
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #opened = new Map<string, Promise<unknown>>();

  constructor(config: Readonly<Config>, warn: (message: string) => void) {
    this.config = config;
    this.#warn = warn;
  }

  /** MongoDB; nothing is sent before the first operation. */
  database(): Promise<TokenDatabase> {
    return this.#once('database', async () => {
      const { openDatabase } = await import('../store/index.js');
      const database = openDatabase(this.config.mongodbUri);
      this.#closers.push(() => database.close());
      return database;
    });
  }

  /**
   * MongoDB, for a command that speaks to the lifecycles of the connections in it.
   *
   * @throws CommandError when the database belongs to another deployment than this environment
   */
  async ownDatabase(): Promise<TokenDatabase> {
    const { deploymentMismatch, readDeployment } = await import('../store/index.js');
    const database = await this.database();
    const { namespace, taskQueue } = this.config;
    const mismatch = deploymentMismatch(await readDeployment(database), { namespace, taskQueue });
    if (mismatch === null) return database;
    throw new CommandError(mismatch, { exitStatus: 2, type: 'Environment.invalid', final: true });
  }

  /** The key file; another one than the environment's where a path is given. */
  keys(path: string = this.config.keysFile): Promise<KeyProvider> {
    return this.#once(`keys ${path}`, async () => {
      const { createFileKeyProvider, readKeyFile, StoreError } = await import('../store/index.js');
      try {
        await readKeyFile(path);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        // Part of the environment: found before anything is tried.
        const about = { exitStatus: 2, type: 'Environment.invalid', final: true } as const;
        throw new CommandError(error.message, about);
      }
      return createFileKeyProvider(path, this.#warn);
    });
  }

  /** The way out to authorization servers and APIs. */
  network(): Promise<Network> {
    return this.#once('network', async () => {
      const { createNetwork } = await import('../network.js');
      const { network: mode, proxy } = this.config;
      const network = createNetwork({ mode, proxy: proxy ?? undefined });
      this.#closers.push(() => network.close());
      return network;
    });
  }

  /**
   * The deployment's data converter.
   *
   * @throws ConfigError when it cannot be loaded
   */
  dataConverter(): Promise<DataConverter | undefined> {
    return this.#once('dataConverter', async () => {
      const { loadDataConverter } = await import('../data-converter.js');
      return loadDataConverter(this.config.dataConverterPath);
    });
  }

  /** Temporal, not yet reached: for whoever may not need it. */
  lazyTemporal(): Promise<TemporalAccess> {
    return this.#once('lazyTemporal', async () => {
      const { Client, Connection } = await import('@temporalio/client');
      const dataConverter = await this.dataConverter();
      const connection = Connection.lazy({
        ...(this.config.temporal.connectionOptions as ConnectionOptions),
        connectTimeout: CONNECT_MS,
      });
      this.#closers.push(() => connection.close());
      const { namespace } = this.config;
      const converter = dataConverter === undefined ? {} : { dataConverter };
      return { connection, client: new Client({ connection, namespace, ...converter }) };
    });
  }

  /**
   * Temporal, reached.
   *
   * @throws CommandError `Token.unavailable` when it does not answer in time
   */
  temporal(): Promise<TemporalAccess> {
    return this.#once('temporal', async () => {
      const access = await this.lazyTemporal();
      try {
        await access.connection.ensureConnected();
      } catch (error) {
        const { isRefusal } = await import('./temporal-errors.js');
        if (isRefusal(error)) throw error;
        throw new CommandError(
          `Temporal at ${this.temporalAddress} does not answer: check TEMPORAL_ADDRESS and its TLS.`,
          { exitStatus: 1, type: 'Token.unavailable', final: false },
        );
      }
      return access;
    });
  }

  /** Where Temporal is looked for. */
  get temporalAddress(): string {
    return this.config.temporal.connectionOptions.address ?? 'localhost:7233';
  }

  /** The lifecycle workflows, with Temporal reached. */
  async lifecycle(): Promise<LifecycleClient> {
    const { createLifecycleClient } = await import('../tokens/index.js');
    const { connection } = await this.temporal();
    const { namespace, taskQueue } = this.config;
    const dataConverter = await this.dataConverter();
    return createLifecycleClient({ connection, namespace, taskQueue, dataConverter });
  }

  /** Wakes the workflows that wait until a connection is authorized; says how many. */
  async wake(connectionId: string): Promise<number> {
    const { createNoticeClient, wakeParked } = await import('../tokens/index.js');
    const { connection } = await this.temporal();
    const { namespace, taskQueue } = this.config;
    const dataConverter = await this.dataConverter();
    const notices = createNoticeClient({ connection, namespace, taskQueue, dataConverter });
    return wakeParked(await this.database(), notices, connectionId);
  }

  /** Closes everything that was opened; never throws. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#closers.splice(0).map((closer) => closer()));
  }

  #once<T>(name: string, open: () => Promise<T>): Promise<T> {
    let opened = this.#opened.get(name);
    if (opened === undefined) {
      opened = open();
      this.#opened.set(name, opened);
    }
    return opened as Promise<T>;
  }
}
