import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import type { MongoClient } from 'mongodb';
import { createIssueActivities, createTokenActivities, replayJournal } from './activities/index.js';
import { DEFAULT_TASK_QUEUE, issueTaskQueue } from './contract/names.js';
import { InputError } from './failures.js';
import { guardActivities } from './leak-guard.js';
import { createNetwork, type NetworkMode } from './network.js';
import {
  claimDeployment,
  createFileKeyProvider,
  deploymentMismatch,
  ensureIndexes,
  Journal,
  openDatabase,
  type KeyProvider,
  type TokenDatabase,
} from './store/index.js';
import { createLifecycleClient, createNoticeClient, createTokenSource } from './tokens/index.js';
import { eventTargetsOf, type TokenEventsOptions } from './worker/events.js';
import { keepEventsTold } from './worker/event-scan.js';
import { keepLifecyclesStarted } from './worker/lifecycle-starts.js';

export type { TokenEventsOptions } from './worker/events.js';

/** What of the Workers' options follows from ours. */
type SetByUs =
  | 'taskQueue'
  | 'namespace'
  | 'connection'
  | 'dataConverter'
  | 'activities'
  | 'workflowsPath'
  | 'shutdownGraceTime';

/** How a token worker is made. */
export interface TokenWorkerOptions {
  /** How Temporal is reached; stays the caller's to close. */
  connection: NativeConnection;
  mongodb: MongoClient | string;
  /** A key provider or the path of a key file, with keys of both purposes. */
  keys: KeyProvider | string;
  /** Default `default`. */
  namespace?: string | undefined;
  /** Default `oauth-tokens`; the worker also serves `<taskQueue>-issue`. */
  taskQueue?: string | undefined;
  dataConverter?: DataConverter | undefined;
  /** Which addresses may be reached. Default `public`. */
  network?: NetworkMode | undefined;
  /** URL of a proxy for token requests and API calls. */
  proxy?: string | undefined;
  /** The lifecycle keeps `OAuthTokenState` and `OAuthFailureType` up to date. */
  searchAttributes?: boolean | undefined;
  /** Who is told of what happens to connections. Default: nobody. */
  events?: TokenEventsOptions | undefined;
  /**
   * Folder on a disk that survives the process: answers with refresh tokens are kept there, sealed,
   * until MongoDB has them. Default: none is kept.
   */
  journalFolder?: string | undefined;
  /** What else the Workers are made with: `workerDeploymentOptions`, a prebuilt `workflowBundle`… */
  workerOptions?: Partial<Omit<WorkerOptions, SetByUs>> | undefined;
  onWarning?: ((message: string) => void) | undefined;
}

/** The two Workers of a token worker process. */
export interface TokenWorker {
  /** Runs until {@link shutdown} or a shutdown signal, then ends when nothing is in flight. */
  run(): Promise<void>;
  shutdown(): void;
}

/** Token requests a second on the issue task queue, over all workers. */
const ISSUES_PER_SECOND = 50;
/** Callers' activities get this long to end. */
const CALLERS_GRACE = '30 seconds';
/** Nothing between sending and committing is cut off: the longest request, and its commit. */
const ISSUE_GRACE = '150 seconds';
/** How long a workflow task waits for the worker that knows the run. */
const STICKY_TIMEOUT = '3 seconds';
/**
 * What activities return and throw is searched for the secrets of this process. Not by a codec: it
 * would also refuse workflow tasks, in which there is no secret, and so stop a lifecycle for good.
 * Not for what looks like a token: what `callApi` brings is its caller's to judge.
 */
const SCAN = { tokenShapes: false, results: true };

/**
 * Makes a token worker: checks MongoDB, the keys and the recorded deployment, makes missing indexes,
 * and creates the two Workers.
 *
 * @throws InputError when something it needs is missing, StoreError when MongoDB cannot be reached
 */
export async function createTokenWorker(options: TokenWorkerOptions): Promise<TokenWorker> {
  const { connection, namespace = 'default', taskQueue = DEFAULT_TASK_QUEUE } = options;
  const { dataConverter, onWarning, network: mode = 'public', proxy } = options;
  const keys =
    typeof options.keys === 'string'
      ? createFileKeyProvider(options.keys, onWarning)
      : options.keys;
  await Promise.all([keys.active('access'), keys.active('grant')]);
  const searchAttributes = options.searchAttributes ?? false;
  if (searchAttributes) await checkSearchAttributes(connection, namespace, onWarning);
  const network = createNetwork({ mode, proxy });
  const events = await eventTargetsOf(options.events, { namespace, taskQueue, network });
  const database = openDatabase(options.mongodb);
  let journal: Journal | null;
  try {
    await prepareDatabase(database, { namespace, taskQueue });
    journal = await openJournal(options, database, keys);
  } catch (error) {
    await database.close();
    throw error;
  }

  const notices = createNoticeClient({ connection, namespace, taskQueue, dataConverter });
  const mongodb = database.client;
  const stopping = new AbortController();
  // Every activity that waits listens, as many as there are slots, and leaves when it ends.
  setMaxListeners(0, stopping.signal);
  const tokens = createTokenSource({
    ...{ mongodb, keys, namespace, taskQueue, dataConverter, network: mode, proxy },
  });
  const { workflowBundle, interceptors, ...workerOptions } = options.workerOptions ?? {};
  const shared = {
    ...workerOptions,
    interceptors: {
      ...interceptors,
      activity: guardActivities(interceptors?.activity ?? [], SCAN),
    },
    ...(dataConverter === undefined ? {} : { dataConverter }),
    connection,
    namespace,
  };
  const callers = await Worker.create({
    ...shared,
    taskQueue,
    ...(workflowBundle === undefined ? { workflowsPath: workflowsPath() } : { workflowBundle }),
    // The default of 10 s keeps callers waiting that long after a worker has died.
    stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
    activities: createTokenActivities({ tokens, mongodb, keys, shutdown: stopping.signal }),
    shutdownGraceTime: CALLERS_GRACE,
  });
  const lifecycle = createLifecycleClient({ connection, namespace, taskQueue, dataConverter });
  const issue = await Worker.create({
    maxTaskQueueActivitiesPerSecond: ISSUES_PER_SECOND,
    ...shared,
    taskQueue: issueTaskQueue(taskQueue),
    activities: createIssueActivities({
      database,
      keys,
      network,
      worker: `${process.pid}@${hostname()}`,
      searchAttributes,
      notices,
      events,
      lifecycle,
      journal,
    }),
    shutdownGraceTime: ISSUE_GRACE,
  });

  return {
    async run() {
      const { signal } = stopping;
      const starting = keepLifecyclesStarted({ database, lifecycle, signal, onWarning });
      const telling = keepEventsTold({ database, notices, events, signal, onWarning });
      try {
        await runTogether([callers, issue], stopping);
      } finally {
        stopping.abort();
        await Promise.all([starting, telling]);
        await Promise.all([tokens.close(), network.close()]);
        await database.close();
      }
    },
    shutdown() {
      stopping.abort();
      for (const worker of [callers, issue]) if (worker.getState() === 'RUNNING') worker.shutdown();
    },
  };
}

/** Runs workers side by side; when one ends, by signal or by error, so does the other. */
async function runTogether(workers: Worker[], stopping: AbortController): Promise<void> {
  await Promise.all(
    workers.map(async (worker) => {
      try {
        await worker.run();
      } finally {
        stopping.abort();
        for (const other of workers) if (other.getState() === 'RUNNING') other.shutdown();
      }
    }),
  );
}

async function prepareDatabase(
  database: TokenDatabase,
  own: { namespace: string; taskQueue: string },
): Promise<void> {
  const mismatch = deploymentMismatch(await claimDeployment(database, own), own);
  if (mismatch !== null) throw new InputError(mismatch);
  await ensureIndexes(database);
}

/** Opens the journal, and commits what the last process on this disk could not. */
async function openJournal(
  { journalFolder, onWarning }: TokenWorkerOptions,
  database: TokenDatabase,
  keys: KeyProvider,
): Promise<Journal | null> {
  if (journalFolder === undefined) return null;
  const journal = await Journal.open(journalFolder);
  const { committed, kept } = await replayJournal({ database, keys, journal });
  if (committed > 0) onWarning?.(`Answers found in the journal and committed: ${committed}.`);
  if (kept > 0) onWarning?.(`Answers in the journal that wait for their key: ${kept}.`);
  return journal;
}

/** An attribute that is not registered would fail every workflow task that sets it. */
async function checkSearchAttributes(
  connection: NativeConnection,
  namespace: string,
  onWarning: TokenWorkerOptions['onWarning'],
): Promise<void> {
  const names = ['OAuthTokenState', 'OAuthFailureType'];
  let registered: Record<string, unknown>;
  try {
    const found = await connection.operatorService.listSearchAttributes({ namespace });
    registered = found.customAttributes ?? {};
  } catch {
    onWarning?.('Whether the search attributes are registered cannot be told here.');
    return;
  }
  const missing = names.filter((name) => !(name in registered));
  if (missing.length === 0) return;
  throw new InputError(
    `The namespace has no search attribute ${missing.join(', ')}: register what is missing with type ` +
      'Keyword, or unset OAUTH_TOKENS_SEARCH_ATTRIBUTES.',
  );
}

/** The workflows' entry, beside this file: `.js` when built, `.ts` in development. */
function workflowsPath(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`./workflows/workflows.${extension}`, import.meta.url));
}
