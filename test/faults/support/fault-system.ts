/** One deployment for one fault scenario: real servers, a rotating token endpoint, faulty workers. */
import { readFile } from 'node:fs/promises';
import type { TokenState } from '../../../src/contract/messages.js';
import {
  openSealed,
  readConnection,
  readTokenWithGrant,
  refreshTokenContext,
} from '../../../src/store/index.js';
import type { TokenSourceOptions } from '../../../src/tokens/index.js';
import { expireToken, tokenDocument } from '../../support/token-records.js';
import {
  startTokenSystem,
  type SystemOptions,
  type TokenSystem,
} from '../../support/token-system.js';
import { until } from '../../support/until.js';
import { FaultyWorker } from './faulty-worker-process.js';
import { startProtectedApi, type ProtectedApi } from './protected-api.js';
import {
  canary,
  startRotatingServer,
  type RotatingServer,
  type ServerRotation,
} from './rotating-server.js';
import { Waiters, type Answer } from './waiters.js';
import { workflowBundlePath } from './workflow-bundle.js';

/** Short, so that an attempt that nobody ends is over soon: `requestBudget` adds its margins. */
export const REQUEST_TIMEOUT_MS = 3_000;

/** A connection of a scenario. */
export interface FaultConnection {
  /** Of the server; null: client credentials, without refresh tokens. */
  rotation: ServerRotation | null;
  /** What the connection declares; the truth when it is not given, null: nothing. */
  declares?: ServerRotation | null;
  requestTimeoutMs?: number;
  /** Of access tokens, in seconds. */
  lifetimeS?: number;
  refresh?: 'on-demand' | 'ahead';
}

/** What a worker is started with. */
export interface WorkerChanges {
  /** Over the deployment's own, for a proxy before a server. */
  environment?: NodeJS.ProcessEnv;
  clockShiftMs?: number;
  /** Of `issueToken`, in place of the real one, as Temporal writes it. */
  startToCloseTimeout?: string;
  /** A prebuilt workflow bundle; by default the test file's. */
  codePath?: string;
}

/** Starts the servers of a scenario; workers and connections are the scenario's own. */
export async function startFaultSystem(options: SystemOptions = {}): Promise<FaultSystem> {
  const system = await startTokenSystem(options);
  const server = await startRotatingServer();
  const api = await startProtectedApi(server);
  const { keys } = JSON.parse(await readFile(system.keysFile, 'utf8')) as { keys: { k: string }[] };
  return new FaultSystem(
    { system, server, api },
    keys.map(({ k }) => k),
  );
}

/** See the head of this file. */
export class FaultSystem {
  readonly system: TokenSystem;
  readonly server: RotatingServer;
  readonly api: ProtectedApi;
  readonly workers: FaultyWorker[] = [];
  readonly waiters = new Waiters();
  /** Where connections find the server from now on: a proxy before it; null: directly. */
  tokenEndpoint: string | null = null;
  /** Connections by id, as they were put. */
  readonly connections = new Map<string, Required<FaultConnection>>();
  /** Connections somebody asked for, so that there is a history of each. */
  readonly #asked = new Set<string>();
  readonly #secrets: string[];
  #workflows = 0;

  constructor(
    parts: { system: TokenSystem; server: RotatingServer; api: ProtectedApi },
    secrets: string[],
  ) {
    ({ system: this.system, server: this.server, api: this.api } = parts);
    this.#secrets = secrets;
  }

  /** Starts a worker process and waits until it is ready. */
  async startWorker(name: string, changes: WorkerChanges = {}): Promise<FaultyWorker> {
    const { environment = {}, clockShiftMs = 0, startToCloseTimeout } = changes;
    const codePath = changes.codePath ?? (await workflowBundlePath(startToCloseTimeout));
    const worker = new FaultyWorker({
      ...{ name, clockShiftMs, codePath },
      environment: { ...this.system.environment(), ...environment },
    });
    this.workers.push(worker);
    await worker.ready();
    return worker;
  }

  /** Registers a connection whose client id is its own id. */
  async put(name: string, connection: FaultConnection): Promise<string> {
    const { rotation, lifetimeS = 600, requestTimeoutMs = REQUEST_TIMEOUT_MS } = connection;
    const { declares = rotation, refresh = 'on-demand' } = connection;
    const connectionId = `${name}-${this.system.id}`;
    this.connections.set(connectionId, {
      ...{ rotation, declares, lifetimeS, requestTimeoutMs, refresh },
    });
    await this.authorize(connectionId);
    return connectionId;
  }

  /** Puts a connection with a refresh token of a new grant: again, it starts the next epoch. */
  async authorize(connectionId: string): Promise<void> {
    const connection = this.connections.get(connectionId);
    if (connection === undefined) throw new Error(`There is no connection ${connectionId}.`);
    const { rotation, declares, requestTimeoutMs, lifetimeS, refresh } = connection;
    const CLIENT_SECRET = this.#remember(canary('client-secret'));
    const grant =
      rotation === null
        ? { grantType: 'client_credentials' }
        : {
            grantType: 'refresh_token',
            refreshToken: { env: 'REFRESH_TOKEN' },
            ...(declares === null ? {} : { rotation: declares }),
          };
    this.server.setLifetime(connectionId, lifetimeS);
    const REFRESH_TOKEN =
      rotation === null ? undefined : this.server.mint(connectionId, rotation, lifetimeS);
    const file = {
      connectionId,
      authorizationServer: {
        tokenEndpoint: this.tokenEndpoint ?? this.server.tokenEndpoint,
        requestTimeoutMs,
      },
      client: {
        clientId: connectionId,
        authentication: 'client_secret_post',
        clientSecret: { env: 'CLIENT_SECRET' },
      },
      grant,
      api: { allowedOrigins: [this.api.origin] },
      lifetime: { refresh },
    };
    await this.system.put(file, { CLIENT_SECRET, REFRESH_TOKEN });
    if (refresh === 'ahead') this.#asked.add(connectionId);
  }

  /** There is a history of it: somebody asked. */
  asked(connectionId: string): void {
    this.#asked.add(connectionId);
  }

  /** A caller with a process memory of its own; it waits as long as a scenario may take. */
  ask(connectionId: string, changes: Partial<TokenSourceOptions> = {}): Promise<Answer> {
    this.#asked.add(connectionId);
    const source = this.system.source({ waitMs: 90_000, ...changes });
    return this.waiters.follow(`caller of ${connectionId}`, source.getAccessToken(connectionId));
  }

  /** A workflow that waits for a token for as long as it takes. */
  ensure(connectionId: string): Promise<Answer> {
    this.#asked.add(connectionId);
    this.#workflows += 1;
    const { client, taskQueue, id } = this.system;
    const result = client.workflow.execute<(input: object) => Promise<{ generation: number }>>(
      'ensureAccessToken',
      {
        ...{ taskQueue, workflowId: `ensure-${this.#workflows}-${id}` },
        args: [{ connectionId }],
      },
    );
    return this.waiters.follow(`workflow for ${connectionId}`, result);
  }

  /** A caller that gets its token and calls the API with it. @returns the status */
  async call(connectionId: string): Promise<number> {
    this.#asked.add(connectionId);
    const source = this.system.source({ waitMs: 90_000 });
    const response = await source.fetch(connectionId, `${this.api.origin}/things`);
    await response.body?.cancel();
    return response.status;
  }

  /** Puts a connection and obtains its first generation, which then counts as expired. */
  async putExpired(name: string, connection: FaultConnection): Promise<string> {
    const connectionId = await this.put(name, connection);
    const answer = await this.ask(connectionId);
    if (answer.generation !== 1) throw new Error(`${connectionId}: ${JSON.stringify(answer)}`);
    await this.expire(connectionId);
    return connectionId;
  }

  /** Lets the stored token expire now; the server still takes it. */
  expire(connectionId: string): Promise<void> {
    return expireToken(this.system, connectionId);
  }

  /** Whether the server gives another refresh token with each answer. */
  rotates(connectionId: string): boolean {
    return this.server.rotationOf(connectionId) !== 'none';
  }

  /** Waits until the server got so many token requests of a connection. */
  async requested(connectionId: string, count: number): Promise<void> {
    await until(`${count} token requests of ${connectionId}`, () => {
      return this.server.exchangesOf(connectionId).length >= count;
    });
  }

  /** Which refresh token each request presented: 0 the first one there was, 1 the next one. */
  presented(connectionId: string): number[] {
    const presented = this.server.exchangesOf(connectionId).map((one) => one.presented);
    const different = [...new Set(presented)];
    return presented.map((token) => different.indexOf(token));
  }

  /** State and generation in the store. */
  async state(connectionId: string): Promise<{ state: TokenState; generation: number }> {
    const { state, generation } = await tokenDocument(this.system, connectionId);
    return { state, generation };
  }

  /** Waits until no attempt is under way. */
  async settled(connectionId: string): Promise<void> {
    await until(`${connectionId} is settled`, async () => {
      const { attempt } = await tokenDocument(this.system, connectionId);
      const answered = this.server
        .exchangesOf(connectionId)
        .every(({ endedAt }) => endedAt !== null);
      return attempt === null && answered;
    });
  }

  /** The refresh token in the store, opened; null: none. */
  async storedRefreshToken(connectionId: string): Promise<string | null> {
    const { database, keys } = this.system;
    const [read, token] = await Promise.all([
      readConnection(database, connectionId),
      readTokenWithGrant(database, connectionId),
    ]);
    if (read === null || token?.grant == null) return null;
    return openSealed(
      keys,
      token.grant,
      refreshTokenContext(database, token.record, read.connection),
    );
  }

  /** Runs there have to be in Temporal's visibility. */
  get runs(): number {
    return this.#asked.size + this.#workflows;
  }

  /** Every secret of this deployment. */
  secrets(): string[] {
    return [...this.#secrets, ...this.server.secrets()];
  }

  /** Ends everything; workers that still run end in their own time. */
  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.end()));
    await this.system.close();
    await Promise.all([this.server.stop(), this.api.stop()]);
  }

  #remember(secret: string): string {
    this.#secrets.push(secret);
    return secret;
  }
}
