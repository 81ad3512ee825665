/** MongoDB writes and does not say so, or does not write. */
import { expect, inject } from 'vitest';
import { withDatabase } from '../support/token-system.js';
import { tokenDocument } from '../support/token-records.js';
import { until } from '../support/until.js';
import type { FaultSystem } from './support/fault-system.js';
import { scenario } from './support/scenario.js';
import { startTcpProxy } from './support/tcp-proxy.js';

const WAITS_FOR_MONGODB = 'A new token waits for MongoDB to be written';

/** The URI of a deployment's database behind a proxy: one server, whoever is said to be primary. */
function through(address: string, { system }: FaultSystem): string {
  return withDatabase(`mongodb://${address}/?directConnection=true`, system.database.name);
}

scenario({
  number: 19,
  fault: 'the commit is written and its acknowledgement is lost, so is that of each repetition',
  outcome:
    'the owner reads back that the commit is its own: one generation more, one token request',
  async run(fault) {
    const proxy = await startTcpProxy(new URL(inject('mongodbUri')).host);
    try {
      const environment = { MONGODB_URI: through(proxy.address, fault) };
      const worker = await fault.startWorker('owner', { environment });
      const connectionId = await fault.putExpired('no-ack', { rotation: 'strict' });
      const atCommit = await worker.order({ point: 'before:commit', does: 'wait' });
      const waiting = fault.ensure(connectionId);
      await atCommit.reached;
      await proxy.set({ do: 'cut', direction: 'to_client', afterBytes: 0 });
      atCommit.go();
      const generation = async () => (await tokenDocument(fault.system, connectionId)).generation;
      await until('the commit is written', async () => (await generation()) === 2);
      await until('the owner gave up its first try', () =>
        worker.stderr.includes(WAITS_FOR_MONGODB),
      );
      const startedAt = performance.now();
      await proxy.set({ do: 'pass' });
      expect(await waiting).toMatchObject({ generation: 2 });
      const { state, failures, candidates } = await tokenDocument(fault.system, connectionId);
      expect({ state, failures, candidates }).toEqual({
        state: 'active',
        failures: 0,
        candidates: [],
      });
      expect(fault.server.exchangesOf(connectionId)).toHaveLength(2);
      return { recoveryMs: performance.now() - startedAt };
    } finally {
      await Promise.all(fault.workers.map((worker) => worker.end()));
      await proxy.stop();
    }
  },
});

scenario({
  number: 21,
  fault: 'MongoDB refuses the commit (document validation)',
  outcome:
    'the owner keeps the token, nobody gets it before it is written, and it is written after the fix',
  async run(fault) {
    const { system, server } = fault;
    const worker = await fault.startWorker('owner');
    const connectionId = await fault.putExpired('refused-commit', { rotation: 'strict' });
    const db = system.mongodb.db(system.database.name);
    await db.command({ collMod: 'tokens', validator: { generation: { $lt: 2 } } });
    const waiting = fault.ensure(connectionId);
    await until('the commit was refused', () => worker.stderr.includes(WAITS_FOR_MONGODB));
    const impatient = await fault.ask(connectionId, { waitMs: 3_000 });
    expect(impatient).toMatchObject({ type: 'Token.refresh_in_progress', final: false });
    expect((await tokenDocument(system, connectionId)).generation).toBe(1);

    const startedAt = performance.now();
    await db.command({ collMod: 'tokens', validator: {} });
    expect(await waiting).toMatchObject({ generation: 2 });
    expect(server.exchangesOf(connectionId)).toHaveLength(2);
    expect((await tokenDocument(system, connectionId)).state).toBe('active');
    return { recoveryMs: performance.now() - startedAt };
  },
});
