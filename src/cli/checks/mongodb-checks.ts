import type { Document } from 'mongodb';
import {
  deploymentMismatch,
  missingIndexes,
  readDeployment,
  storeOperation,
  type TokenDatabase,
} from '../../store/index.js';
import type { CliContext } from '../context.js';
import { bad, good, runCheck, unchecked, type Check, type Finding } from './check.js';

/** No connection has this id: what is tried on it changes nothing. */
const NOBODY = '$doctor';

/** MongoDB: reachable, a replica set with a primary, majority writes, roles, indexes, deployment. */
export function mongodbChecks(context: CliContext): Promise<Check>[] {
  const reach = 'Check MONGODB_URI: hosts, TLS, user and password; and that MongoDB runs.';
  if (context.config.mongodbUri === '') {
    const finding = async (): Promise<Finding> => bad('MONGODB_URI is not set.', 'Set it.');
    return [runCheck('mongodb', reach, finding)];
  }
  const hello = context.database().then(sayHello);
  const reached = hello.then(
    () => true,
    () => false,
  );
  const once =
    (find: (database: TokenDatabase) => Promise<Finding>) => async (): Promise<Finding> =>
      (await reached)
        ? find(await context.database())
        : unchecked('MongoDB does not answer', 'mongodb');
  const majority = 'See to it that a majority of the replica set is up.';
  const role = 'Give the user the role readWrite on the database in MONGODB_URI.';
  const deployment = (database: TokenDatabase) => findDeployment(context, database);
  return [
    runCheck('mongodb', reach, async () => findReplicaSet(await hello)),
    runCheck('mongodb_writes', majority, once(findMajorityWrites)),
    runCheck('mongodb_roles', role, once(findRoles)),
    runCheck('mongodb_indexes', role, once(findIndexes)),
    runCheck('deployment', role, once(deployment)),
  ];
}

function sayHello({ client, name }: TokenDatabase): Promise<Document> {
  return storeOperation('say hello', () => client.db(name).command({ hello: 1 }));
}

function findReplicaSet(hello: Document): Finding {
  const isReplicaSet = hello['setName'] !== undefined || hello['msg'] === 'isdbgrid';
  if (!isReplicaSet) {
    return bad(
      'MongoDB answers, but it is not a replica set; writes could be lost.',
      'Start mongod with --replSet and run rs.initiate(); one member is enough for development.',
    );
  }
  if (hello['isWritablePrimary'] !== true) {
    return bad(
      'MongoDB answers, but not its primary.',
      'Name the whole replica set in MONGODB_URI.',
    );
  }
  return good('MongoDB answers: a replica set with a primary.');
}

async function findMajorityWrites(database: TokenDatabase): Promise<Finding> {
  await storeOperation('acknowledge a write by a majority', () =>
    database.tokens.updateOne({ _id: NOBODY }, { $set: { failures: 0 } }),
  );
  return good('Writes are acknowledged by a majority.');
}

async function findRoles(database: TokenDatabase): Promise<Finding> {
  for (const name of ['connections', 'tokens'] as const) {
    const { collectionName } = database[name];
    const collection = database.client
      .db(database.name)
      .collection<{ _id: string }>(collectionName);
    await storeOperation(`read ${name}`, () => collection.findOne({ _id: NOBODY }));
    await storeOperation(`change ${name}`, () =>
      collection.updateOne({ _id: NOBODY }, { $set: { doctor: true } }),
    );
    await storeOperation(`delete from ${name}`, () => collection.deleteOne({ _id: NOBODY }));
  }
  return good('connections and tokens can be read, changed and deleted from.');
}

async function findIndexes(database: TokenDatabase): Promise<Finding> {
  const missing = await missingIndexes(database);
  return missing.length === 0
    ? good('All indexes are there.')
    : bad(
        `Indexes are missing: ${missing.join(', ')}.`,
        'Start a worker, which makes them: oauth-tokens worker.',
      );
}

async function findDeployment(context: CliContext, database: TokenDatabase): Promise<Finding> {
  const { namespace, taskQueue } = context.config;
  const recorded = await readDeployment(database);
  const mismatch = deploymentMismatch(recorded, { namespace, taskQueue });
  if (mismatch !== null) {
    return bad(mismatch, 'Set TEMPORAL_NAMESPACE and OAUTH_TOKENS_TASK_QUEUE as recorded.');
  }
  return good(
    recorded === null
      ? 'No worker has started on this database yet.'
      : `The database belongs to namespace ${namespace}, task queue ${taskQueue}.`,
  );
}
