/** A token worker is killed or stopped at a point of the rotation protocol. */
import { expect } from 'vitest';
import { scenario } from './support/scenario.js';

scenario({
  number: 1,
  fault: 'kill -9 before the intent',
  outcome: 'the next worker starts over, with one token request',
  async run(fault) {
    const first = await fault.startWorker('first');
    const connectionId = await fault.putExpired('before-intent', { rotation: 'strict' });
    const killed = await first.order({ point: 'before:write_intent', does: 'kill' });
    const waiting = fault.ensure(connectionId);
    await killed.reached;
    const startedAt = performance.now();
    await fault.startWorker('second');
    expect(await waiting).toMatchObject({ generation: 2 });
    expect(fault.server.exchangesOf(connectionId)).toHaveLength(2);
    return { recoveryMs: performance.now() - startedAt };
  },
});
