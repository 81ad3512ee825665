/** Everything a token deployment leaves behind in Temporal and in MongoDB, as text to search. */
import { expect } from 'vitest';
import type { TokenSystem } from '../support/token-system.js';
import { until } from '../support/until.js';
import { textsIn } from './secret-search.js';

/** What Temporal holds of the workflows of some task queues: by the name of the place. */
export interface LeftInTemporal {
  histories: string;
  /** Type, memo and search attributes of every run. */
  visibility: string;
  /** With pending activities and their last failures. */
  descriptions: string;
  /** How many runs there are. */
  runs: number;
}

/** Reads every run of the task queues, once visibility knows at least `runs` of them. */
export async function leftInTemporal(
  system: TokenSystem,
  taskQueues: string[],
  runs: number,
): Promise<LeftInTemporal> {
  const query = taskQueues.map((name) => `TaskQueue="${name}"`).join(' OR ');
  const { workflow } = system.client;
  const visible = async (): Promise<boolean> => (await workflow.count(query)).count >= runs;
  await until(`visibility knows ${runs} runs`, visible);
  const left: LeftInTemporal = { histories: '', visibility: '', descriptions: '', runs: 0 };
  for await (const info of workflow.list({ query })) {
    const handle = workflow.getHandle(info.workflowId, info.runId);
    const [history, description] = await Promise.all([handle.fetchHistory(), handle.describe()]);
    // As exported, with payloads in base64, and with payloads as they are.
    left.histories += `${JSON.stringify(history)}\n${textsIn(history.events)}\n`;
    left.descriptions += `${textsIn(description)}\n`;
    left.visibility += `${textsIn(info)}\n`;
    left.runs += 1;
  }
  return left;
}

/** Every document of the database as BSON, and every write to it that the oplog still holds. */
export async function leftInMongodb(
  system: TokenSystem,
): Promise<{ documents: string; oplog: string }> {
  const database = system.mongodb.db(system.database.name);
  const collections = await database.listCollections().toArray();
  expect(collections.map(({ name }) => name).sort()).toEqual([
    ...['authorizations', 'connections', 'parked', 'tokens'],
  ]);
  const raw = { raw: true } as const;
  let documents = '';
  for (const { name } of collections) {
    documents += bytesOf(await database.collection(name).find({}, raw).toArray());
  }
  const ns = { $regex: `^${system.database.name}\\.` };
  const oplog = system.mongodb.db('local').collection('oplog.rs');
  const written = oplog.find({ $or: [{ ns }, { 'o.applyOps.ns': ns }] }, raw);
  return { documents, oplog: bytesOf(await written.toArray()) };
}

const bytesOf = (found: unknown[]): string =>
  found.map((bytes) => (bytes as Buffer).toString('latin1')).join('\n');
