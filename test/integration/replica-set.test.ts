/** A replica set of three for tests: it loses its primary, and nothing that a majority has. */
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startReplicaSet, type ReplicaSet } from '../../dev/servers/replica-set.js';

let set: ReplicaSet;
let client: MongoClient;

beforeAll(async () => {
  set = await startReplicaSet();
  client = new MongoClient(set.uri);
});
afterAll(async () => {
  await client.close();
  await set.stop();
});

const things = () =>
  client.db('test').collection<{ _id: string }>('things', { writeConcern: { w: 'majority' } });

it('elects its first member, and another one when that steps down', async () => {
  const [first] = set.members;
  expect((await set.primary()).host).toBe(first?.host);
  await things().insertOne({ _id: 'before' });
  await set.stepDown();
  await things().insertOne({ _id: 'after' });
  expect((await set.primary()).host).not.toBe(first?.host);
  expect(await things().countDocuments()).toBe(2);
});

it('goes on when its primary is killed, and takes it back with its data', async () => {
  const before = await set.primary();
  await set.kill(before);
  expect(before.pid).toBeNull();
  await things().insertOne({ _id: 'while it was away' });
  expect((await set.primary()).host).not.toBe(before.host);
  await set.restart(before);
  await expect
    .poll(async () => (await set.command(before, { hello: 1 }))['secondary'] === true, {
      timeout: 30_000,
    })
    .toBe(true);
  const direct = new MongoClient(`mongodb://${before.host}/?directConnection=true`);
  const found = () =>
    direct
      .db('test')
      .collection<{ _id: string }>('things', { readPreference: 'secondaryPreferred' })
      .countDocuments({ _id: 'while it was away' });
  await expect.poll(found, { timeout: 30_000 }).toBe(1);
  await direct.close();
});

it('leaves no process behind, and may be stopped again', async () => {
  const own = await startReplicaSet();
  const pids = own.members.map(({ pid }) => pid);
  expect(new Set(pids).size).toBe(3);
  await own.kill(await own.primary());
  await own.stop();
  await own.stop();
  for (const pid of pids) expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
});
