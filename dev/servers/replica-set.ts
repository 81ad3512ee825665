import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient, type Document } from 'mongodb';
import { temporaryFolder } from './data-folder.js';
import { onExit } from './lifetime.js';
import { mongodArguments, MONGOD_ERROR_LINE } from './mongodb.js';
import { mongodBinary } from './mongod-binary.js';
import { REPLICA_SET } from './mongodb-ready.js';
import { freePorts, LOOPBACK } from './ports.js';
import { silent, type Progress } from './progress.js';
import { startServer, type StartedServer } from './start-server.js';

/** How a replica set is started; everything is optional. */
export interface ReplicaSetOptions {
  /**
   * The address that a member is known by, to clients and to the others, given its real one: for a
   * proxy before it. By default the real one.
   */
  through?: (host: string) => Promise<string>;
  /** How long a primary may be silent before the others elect another. Default 1,000 ms. */
  electionTimeoutMs?: number;
  /** Allows `configureFailPoint`. */
  testCommands?: boolean;
  progress?: Progress;
}

/** A member of a replica set. */
export interface ReplicaSetMember {
  /** Its real `host:port`. */
  host: string;
  /** The one in the replica set's configuration. */
  knownAs: string;
  /** Process id; null: it does not run. */
  pid: number | null;
}

/** A replica set of three that can lose its primary. */
export interface ReplicaSet {
  /** Connection string, with `replicaSet`. */
  uri: string;
  /** The first is primary whenever it can be. */
  members: readonly ReplicaSetMember[];
  /** Waits for a writable primary. */
  primary(): Promise<ReplicaSetMember>;
  /** Makes the primary step down for so long; another one is elected. Default 30 s. */
  stepDown(forSeconds?: number): Promise<void>;
  /** SIGKILL. Fine if it has ended already. */
  kill(member: ReplicaSetMember): Promise<void>;
  /** Starts a member that was killed, with its data and its port. */
  restart(member: ReplicaSetMember): Promise<void>;
  /** Runs an administrative command on one member. */
  command(member: ReplicaSetMember, command: Document): Promise<Document>;
  /** Stops every member and removes the data. Safe to call again. */
  stop(): Promise<void>;
}

const MEMBERS = 3;
const ELECTION_MS = 1_000;
const READY_MS = 30_000;

/**
 * Starts three mongods on 127.0.0.1 as one replica set and waits for a writable primary and two
 * secondaries. If that fails, nothing of it is left.
 * @throws Error if it cannot be had or does not become ready
 */
export async function startReplicaSet(options: ReplicaSetOptions = {}): Promise<ReplicaSet> {
  const { progress = silent, through = (host: string) => Promise.resolve(host) } = options;
  const command = await mongodBinary(progress);
  const folder = await temporaryFolder('replica-set');
  const members: RunningMember[] = [];
  const stop = async (): Promise<void> => {
    forget();
    await Promise.all(members.map((member) => member.stop()));
    await folder.remove();
  };
  const forget = onExit(stop);
  try {
    const ports = await freePorts(MEMBERS);
    for (const port of ports) {
      const host = `${LOOPBACK}:${port}`;
      const dbPath = join(folder.path, String(port));
      const testCommands = options.testCommands === true;
      members.push(
        new RunningMember({ command, port, dbPath, knownAs: await through(host), testCommands }),
      );
    }
    await Promise.all(members.map((member) => member.start()));
    const set = new StartedReplicaSet(members, stop);
    await set.initiate(options.electionTimeoutMs ?? ELECTION_MS);
    return set;
  } catch (error) {
    await stop();
    throw error;
  }
}

interface MemberInput {
  command: string;
  port: number;
  dbPath: string;
  knownAs: string;
  testCommands: boolean;
}

/** One mongod, and how it is started again. */
class RunningMember implements ReplicaSetMember {
  readonly host: string;
  readonly knownAs: string;
  readonly #input: MemberInput;
  #server: StartedServer | null = null;

  constructor(input: MemberInput) {
    this.#input = input;
    this.host = `${LOOPBACK}:${input.port}`;
    this.knownAs = input.knownAs;
  }

  get pid(): number | null {
    return this.#server?.pid ?? null;
  }

  async start(): Promise<void> {
    const { command, port, dbPath, testCommands } = this.#input;
    await mkdir(dbPath, { recursive: true });
    this.#server = await startServer({
      name: 'mongod',
      command,
      args: () => [
        ...mongodArguments(port, dbPath),
        ...(testCommands ? ['--setParameter', 'enableTestCommands=1'] : []),
      ],
      ports: [port],
      errorLine: MONGOD_ERROR_LINE,
      check: async () => void (await this.run({ ping: 1 })),
    });
  }

  async kill(): Promise<void> {
    if (this.#server === null) return;
    try {
      process.kill(this.#server.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await this.stop();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    await server.stop();
  }

  /** Directly, whatever part the member plays. */
  async run(command: Document): Promise<Document> {
    const client = new MongoClient(`mongodb://${this.host}/?directConnection=true`, {
      serverSelectionTimeoutMS: 2_000,
    });
    try {
      return await client.db('admin').command(command);
    } finally {
      await client.close();
    }
  }
}

class StartedReplicaSet implements ReplicaSet {
  readonly uri: string;
  readonly members: RunningMember[];
  readonly stop: () => Promise<void>;

  constructor(members: RunningMember[], stop: () => Promise<void>) {
    this.members = members;
    this.stop = stop;
    const hosts = members.map(({ knownAs }) => knownAs).join(',');
    this.uri = `mongodb://${hosts}/?replicaSet=${REPLICA_SET}`;
  }

  async initiate(electionTimeoutMillis: number): Promise<void> {
    const [first] = this.members;
    await first?.run({
      replSetInitiate: {
        _id: REPLICA_SET,
        members: this.members.map(({ knownAs }, _id) => ({
          ...{ _id, host: knownAs, priority: _id === 0 ? 2 : 1 },
        })),
        settings: { electionTimeoutMillis, heartbeatIntervalMillis: 500 },
      },
    });
    await waitFor('a primary and two secondaries', async () => {
      const states = await Promise.all(this.members.map((member) => roleOf(member)));
      return states.every((state) => state !== null) && states[0] === 'primary' ? true : null;
    });
  }

  primary(): Promise<RunningMember> {
    return waitFor('a primary', async () => {
      const running = this.members.filter(({ pid }) => pid !== null);
      const roles = await Promise.all(running.map((member) => roleOf(member)));
      return running[roles.indexOf('primary')] ?? null;
    });
  }

  async stepDown(forSeconds = 30): Promise<void> {
    const primary = await this.primary();
    await primary.run({ replSetStepDown: forSeconds, secondaryCatchUpPeriodSecs: 5, force: true });
  }

  kill(member: ReplicaSetMember): Promise<void> {
    return this.#own(member).kill();
  }

  async restart(member: ReplicaSetMember): Promise<void> {
    const own = this.#own(member);
    if (own.pid === null) await own.start();
  }

  command(member: ReplicaSetMember, command: Document): Promise<Document> {
    return this.#own(member).run(command);
  }

  #own(member: ReplicaSetMember): RunningMember {
    const own = this.members.find(({ host }) => host === member.host);
    if (own === undefined) throw new TypeError(`${member.host} is no member of this replica set`);
    return own;
  }
}

/** Null: it plays no part, or cannot be asked. */
async function roleOf(member: RunningMember): Promise<'primary' | 'secondary' | null> {
  const hello = await member.run({ hello: 1 }).catch(() => null);
  if (hello?.['isWritablePrimary'] === true) return 'primary';
  return hello?.['secondary'] === true ? 'secondary' : null;
}

async function waitFor<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  const giveUpAt = performance.now() + READY_MS;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > giveUpAt) throw new Error(`the replica set has not ${what}`);
    await sleep(50);
  }
}
