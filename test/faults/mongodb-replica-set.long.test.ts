/** The replica set of MongoDB loses its primary, or its majority, around a token request. */
import { MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { startReplicaSet, type ReplicaSet } from '../../dev/servers/replica-set.js';
import { lifecycleWorkflowId } from '../../src/contract/names.js';
import { tokenDocument } from '../support/token-records.js';
import { until } from '../support/until.js';
import type { FaultSystem } from './support/fault-system.js';
import { scenario } from './support/scenario.js';

const WAITS_FOR_MONGODB = 'A new token waits for MongoDB to be written';
/** Past the deadline of an attempt: whoever comes then takes its owner for dead. */
const OUTAGE_MS = 20_000;

let set: ReplicaSet;
beforeAll(async () => {
  set = await startReplicaSet({ testCommands: true });
});
afterEach(async () => {
  for (const member of set.members) await set.restart(member);
  await set.primary();
});
afterAll(() => set.stop());

const servers = () => ({ mongodbUri: set.uri });

async function expectGeneration2(fault: FaultSystem, connectionId: string): Promise<void> {
  const { state, generation, failures } = await tokenDocument(fault.system, connectionId);
  expect({ state, generation, failures }).toEqual({ state: 'active', generation: 2, failures: 0 });
  expect(fault.server.exchangesOf(connectionId)).toHaveLength(2);
}

/** Stops or lets go on what the secondaries write; they still vote. */
async function replicate(on: boolean, primary: string): Promise<void> {
  for (const member of set.members) {
    if (member.host === primary || member.pid === null) continue;
    const mode = on ? 'off' : 'alwaysOn';
    await set.command(member, { configureFailPoint: 'rsSyncApplyStop', mode });
  }
}

scenario({
  number: 16,
  alone: true,
  servers,
  fault: 'the primary and with it the majority are killed before the intent',
  outcome:
    'callers get Store.unavailable, nothing is asked, and afterwards one request serves them',
  async run(fault) {
    const worker = await fault.startWorker('owner');
    const connectionId = await fault.putExpired('no-majority', { rotation: 'strict' });
    const atIntent = await worker.order({ point: 'before:write_intent', does: 'wait' });
    const waiting = fault.ensure(connectionId);
    await atIntent.reached;
    const [primary, secondary] = set.members;
    if (primary === undefined || secondary === undefined) throw new Error('no members');
    await set.kill(primary);
    await set.kill(secondary);
    atIntent.go();
    const refused = await fault.ask(connectionId);
    expect(refused).toMatchObject({ type: 'Store.unavailable', final: false });
    expect(fault.server.exchangesOf(connectionId)).toHaveLength(1);

    const startedAt = performance.now();
    await Promise.all([set.restart(primary), set.restart(secondary)]);
    expect(await waiting).toMatchObject({ generation: 2 });
    await expectGeneration2(fault, connectionId);
    return { recoveryMs: performance.now() - startedAt };
  },
});

scenario({
  number: 17,
  alone: true,
  servers,
  fault: 'the primary steps down between send and commit',
  outcome: 'the commit is written on the new primary, once; a strict grant survives',
  async run(fault) {
    const worker = await fault.startWorker('owner');
    const connectionId = await fault.putExpired('step-down', { rotation: 'strict' });
    const captured = await worker.order({ point: 'after:send', does: 'wait' });
    const waiting = fault.ensure(connectionId);
    await captured.reached;
    const before = await set.primary();
    await set.stepDown();
    const startedAt = performance.now();
    captured.go();
    expect(await waiting).toMatchObject({ generation: 2 });
    expect((await set.primary()).host).not.toBe(before.host);
    await expectGeneration2(fault, connectionId);
    return { recoveryMs: performance.now() - startedAt };
  },
});

scenario({
  number: 18,
  alone: true,
  servers,
  fault:
    'mongod is down past the deadline, after the rotation, and another worker comes as it returns',
  outcome: 'the owner commits what it kept; the other one announces, waits, and asks nothing',
  async run(fault) {
    const owner = await fault.startWorker('owner');
    const connectionId = await fault.putExpired('down-after', { rotation: 'strict' });
    const captured = await owner.order({ point: 'after:send', does: 'wait' });
    const waiting = fault.ensure(connectionId);
    await captured.reached;
    await fault.startWorker('other');
    await Promise.all(set.members.map((member) => set.kill(member)));
    captured.go();
    await until('the owner waits', () => owner.stderr.includes(WAITS_FOR_MONGODB));
    // Its activity is not the lifecycle's any more: the next one meets an attempt past its deadline.
    const { client } = fault.system;
    await client.workflow.getHandle(lifecycleWorkflowId(connectionId)).terminate();
    await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));

    const startedAt = performance.now();
    await Promise.all(set.members.map((member) => set.restart(member)));
    expect(await waiting).toMatchObject({ generation: 2 });
    await expectGeneration2(fault, connectionId);
    return { recoveryMs: performance.now() - startedAt };
  },
});

scenario({
  number: 20,
  alone: true,
  servers,
  fault: 'the primary writes the commit alone and dies: the write is rolled back',
  outcome: 'no majority had it, so nobody got it; the owner writes it again on the new primary',
  async run(fault) {
    const worker = await fault.startWorker('owner');
    const connectionId = await fault.putExpired('rollback', { rotation: 'strict' });
    const atCommit = await worker.order({ point: 'before:commit', does: 'wait' });
    const waiting = fault.ensure(connectionId);
    await atCommit.reached;
    const primary = await set.primary();
    await replicate(false, primary.host);
    atCommit.go();
    const direct = new MongoClient(`mongodb://${primary.host}/?directConnection=true`);
    try {
      const tokens = (level: 'local' | 'majority') =>
        direct
          .db(fault.system.database.name)
          .collection<{ _id: string; generation: number }>('tokens', { readConcern: { level } })
          .findOne({ _id: connectionId });
      await until('the primary has written', async () => (await tokens('local'))?.generation === 2);
      expect((await tokens('majority'))?.generation).toBe(1);
      const refused = await fault.ask(connectionId, { waitMs: 2_000 });
      expect(refused).toMatchObject({ type: 'Token.refresh_in_progress' });
      await set.kill(primary);
    } finally {
      await direct.close();
    }
    const startedAt = performance.now();
    await replicate(true, primary.host);
    expect(await waiting).toMatchObject({ generation: 2 });
    expect((await set.primary()).host).not.toBe(primary.host);
    await set.restart(primary);
    await expectGeneration2(fault, connectionId);
    return { recoveryMs: performance.now() - startedAt };
  },
});
