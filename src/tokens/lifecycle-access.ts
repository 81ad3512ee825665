import { asyncLocalStorage } from '@temporalio/activity';
import type { Client, ConnectionLike } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { DEFAULT_TASK_QUEUE } from '../contract/names.js';
import { InputError } from '../failures.js';
import { deploymentMismatch, readDeployment, type TokenDatabase } from '../store/index.js';
import { createLifecycleClient, type LifecycleClient } from './lifecycle-client.js';

/** What a token source was told about the token deployment. */
export interface LifecycleAccessOptions {
  client?: Client | undefined;
  namespace?: string | undefined;
  taskQueue?: string | undefined;
  dataConverter?: DataConverter | undefined;
}

/**
 * Finds the way to the lifecycle: over the given client's connection, or inside an activity over
 * the activity's; to the deployment that is recorded in MongoDB.
 */
export class LifecycleAccess {
  readonly #database: TokenDatabase;
  readonly #options: LifecycleAccessOptions;
  readonly #clients = new WeakMap<ConnectionLike, Promise<LifecycleClient>>();
  /** Of the client the source was made with: its connection is the application's to close. */
  #own: Promise<LifecycleClient> | null = null;

  constructor(database: TokenDatabase, options: LifecycleAccessOptions) {
    this.#database = database;
    this.#options = options;
  }

  /**
   * The lifecycle client of the calling context.
   *
   * @throws InputError outside activities without a client, or when the database belongs to
   *   another deployment
   */
  get(): Promise<LifecycleClient> {
    const { connection, namespace } = this.#way();
    const known = this.#clients.get(connection);
    if (known !== undefined) return known;
    const made = this.#make(connection, namespace);
    this.#clients.set(connection, made);
    if (this.#options.client !== undefined) this.#own = made;
    made.catch(() => this.#clients.delete(connection));
    return made;
  }

  /** Waits until the application may close its connection; see {@link LifecycleClient.settled}. */
  async settled(): Promise<void> {
    const own = await this.#own?.catch(() => null);
    await own?.settled();
  }

  #way(): { connection: ConnectionLike; namespace: string } {
    const { client } = this.#options;
    if (client !== undefined) {
      return { connection: client.connection, namespace: client.options.namespace };
    }
    const context = asyncLocalStorage.getStore();
    if (context === undefined) {
      throw new InputError(
        'createTokenSource needs `client` to obtain a token outside activities.',
      );
    }
    return { connection: context.client.connection, namespace: context.info.namespace };
  }

  async #make(connection: ConnectionLike, contextNamespace: string): Promise<LifecycleClient> {
    const recorded = await readDeployment(this.#database);
    const namespace = this.#options.namespace ?? recorded?.namespace ?? contextNamespace;
    const taskQueue = this.#options.taskQueue ?? recorded?.taskQueue ?? DEFAULT_TASK_QUEUE;
    const mismatch = deploymentMismatch(recorded, { namespace, taskQueue });
    if (mismatch !== null) throw new InputError(mismatch);
    const { dataConverter } = this.#options;
    return createLifecycleClient({ connection, namespace, taskQueue, dataConverter });
  }
}
