import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient, MongoServerError, type Document } from 'mongodb';

/** Name of the replica set that we start. */
export const REPLICA_SET = 'temporal-oauth-tokens';

const NOT_YET_INITIALIZED = 94;
const PRIMARY_TIMEOUT_MS = 15_000;
const LOOK_MS = 2_000;

/** The member list of a replica set of one. */
function configuration(host: string, version: number): Document {
  return { _id: REPLICA_SET, version, members: [{ _id: 0, host }] };
}

/** Makes the server a replica set of one, under the address it has now. */
async function ensureConfigured(client: MongoClient, host: string): Promise<void> {
  const admin = client.db('admin');
  const current = await admin.command({ replSetGetConfig: 1 }).catch((error: unknown) => {
    if (error instanceof MongoServerError && error.code === NOT_YET_INITIALIZED) return null;
    throw error;
  });
  if (current === null) {
    await admin.command({ replSetInitiate: configuration(host, 1) });
    return;
  }
  const config = current['config'] as { version: number; members: { host: string }[] };
  if (config.members[0]?.host === host) return;
  // The data comes from a server on another port; forced, because without it there is no primary.
  const replSetReconfig = configuration(host, config.version + 1);
  await admin.command({ replSetReconfig, force: true });
}

/**
 * Makes a mongod a replica set of one if it is not yet, and waits until it is a writable primary.
 * @throws Error if it cannot be reached (yet) or does not become primary
 */
export async function ensurePrimary(host: string): Promise<void> {
  const client = new MongoClient(`mongodb://${host}/?directConnection=true`, {
    serverSelectionTimeoutMS: LOOK_MS,
  });
  try {
    await client.connect();
    await ensureConfigured(client, host);
    const giveUpAt = Date.now() + PRIMARY_TIMEOUT_MS;
    while (Date.now() < giveUpAt) {
      const hello = await client.db('admin').command({ hello: 1 });
      if (hello['isWritablePrimary'] === true) return;
      await sleep(25);
    }
    throw new Error('no primary');
  } finally {
    await client.close();
  }
}

/**
 * Checks that a connection string leads to a replica set's primary.
 * @throws Error if it does not
 */
export async function checkReplicaSet(uri: string): Promise<void> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: LOOK_MS });
  try {
    const hello = await client.db('admin').command({ hello: 1 });
    if (hello['setName'] === undefined) throw new Error('it is not a replica set');
  } finally {
    await client.close();
  }
}
