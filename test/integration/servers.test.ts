import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../dev/servers/ports.js';
import { startMongodb } from '../../dev/servers/mongodb.js';
import { startTemporal } from '../../dev/servers/temporal.js';

// What follows is about servers of our own; a person's running one is neither killed nor restarted.
const external = Boolean(process.env['TEMPORAL_ADDRESS'] ?? process.env['MONGODB_URI']);
// The first run of all may build a server.
const TIMEOUT_MS = 600_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servers-'));
});
afterEach(() => rm(folder, { recursive: true }));

function isRunning(pid: number | null): boolean {
  try {
    return process.kill(pid ?? 0, 0);
  } catch {
    return false;
  }
}

function portOf(address: string): number {
  return Number(/:(\d+)/.exec(address.replace('mongodb:', ''))?.[1]);
}

async function withClient<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

describe.skipIf(external)('Temporal', () => {
  const searchAttributes = ['OAuthConnectionId'];

  it(
    'keeps workflows and search attributes when it is killed and started again',
    async () => {
      const dbFilename = join(folder, 'temporal.db');
      const first = await startTemporal({ ui: true, dbFilename, searchAttributes });
      expect(await fetch(first.uiUrl ?? '')).toMatchObject({ status: 200 });
      await withClient(first.address, (client) =>
        client.workflow.start('someWorkflow', { workflowId: 'one', taskQueue: 'nobody', args: [] }),
      );
      process.kill(first.pid ?? 0, 'SIGKILL');

      const second = await startTemporal({
        port: portOf(first.address),
        dbFilename,
        searchAttributes,
      });
      expect(second.address).toBe(first.address);
      const description = await withClient(second.address, (client) =>
        client.workflow.getHandle('one').describe(),
      );
      expect(description.status.name).toBe('RUNNING');
      await first.stop();
      await second.stop();
      expect(isRunning(second.pid)).toBe(false);
    },
    TIMEOUT_MS,
  );

  it(
    'says what is wrong when it cannot start',
    async () => {
      const port = await freePort();
      const first = await startTemporal({ port });
      await expect(startTemporal({ port })).rejects.toThrow(`port ${port} is in use`);
      await first.stop();
    },
    TIMEOUT_MS,
  );
});

describe.skipIf(external)('mongod', () => {
  async function count(uri: string): Promise<number> {
    const client = await new MongoClient(uri).connect();
    try {
      return await client.db('test').collection('things').countDocuments();
    } finally {
      await client.close();
    }
  }

  it(
    'keeps data when it is killed and started again, on the same port or another',
    async () => {
      const first = await startMongodb({ dbPath: folder });
      expect(first.uri).toContain('replicaSet=');
      const client = await new MongoClient(first.uri).connect();
      const session = client.startSession();
      await session.withTransaction(async () => {
        await client.db('test').collection('things').insertOne({ name: 'one' }, { session });
      });
      await session.endSession();
      await client.close();
      process.kill(first.pid ?? 0, 'SIGKILL');

      const second = await startMongodb({ dbPath: folder, port: portOf(first.uri) });
      expect(second.uri).toBe(first.uri);
      expect(await count(second.uri)).toBe(1);
      await second.stop();
      expect(isRunning(second.pid)).toBe(false);

      const third = await startMongodb({ dbPath: folder });
      expect(third.uri).not.toBe(first.uri);
      expect(await count(third.uri)).toBe(1);
      await third.stop();
      await first.stop();
    },
    TIMEOUT_MS,
  );
});
