/**
 * A token worker stands still. Temporal goes on giving tasks to it for as long as its polls are open
 * (a minute), so these take their time.
 */
import { expect } from 'vitest';
import { createGate } from '../support/gate.js';
import { tokenDocument } from '../support/token-records.js';
import { until } from '../support/until.js';
import { scenario } from './support/scenario.js';

scenario({
  number: 10,
  fault: 'SIGSTOP between response and commit until another worker took over (grace)',
  outcome: 'the later answer stays, the late commit harms nothing, the grant lives',
  async run(fault) {
    const first = await fault.startWorker('first');
    const connectionId = await fault.putExpired('zombie', { rotation: { graceMs: 120_000 } });
    const stopped = await first.order({ point: 'after:send', does: 'stop' });
    const waiting = fault.ensure(connectionId);
    await stopped.reached;
    const stoppedAt = performance.now();
    fault.server.markLastAsker(connectionId, 'stopped');
    await fault.startWorker('second');
    expect(await waiting).toMatchObject({ generation: 2 });
    const recoveryMs = performance.now() - stoppedAt;
    first.resume();
    await until('the late commit', () => first.hasPassed('after:commit', 2));
    await fault.settled(connectionId);
    const { state, generation, candidates } = await tokenDocument(fault.system, connectionId);
    expect({ state, generation }).toEqual({ state: 'active', generation: 2 });
    // Both answers are there: the earlier one's refresh token is kept for the case of need.
    expect(candidates).toHaveLength(1);
    expect(fault.presented(connectionId)).toEqual([0, 1, 1]);
    // And the grant goes on.
    await fault.expire(connectionId);
    expect(await fault.ask(connectionId)).toMatchObject({ generation: 3 });
    return { recoveryMs };
  },
});

scenario({
  number: 11,
  fault: 'SIGSTOP between response and commit, shorter than the takeover takes to settle (strict)',
  outcome: 'the late owner commits first, and the other one asks nothing',
  async run(fault) {
    const first = await fault.startWorker('first');
    const connectionId = await fault.putExpired('late-owner', { rotation: 'strict' });
    const stopped = await first.order({ point: 'after:send', does: 'stop' });
    const waiting = fault.ensure(connectionId);
    await stopped.reached;
    const stoppedAt = performance.now();
    const second = await fault.startWorker('second');
    await until('the takeover is announced', () => second.hasPassed('after:announce_takeover', 1));
    first.resume();
    expect(await waiting).toMatchObject({ generation: 2 });
    const recoveryMs = performance.now() - stoppedAt;
    expect(fault.presented(connectionId)).toEqual([0, 1]);
    expect(await fault.state(connectionId)).toEqual({ state: 'active', generation: 2 });
    return { recoveryMs };
  },
});

scenario({
  number: 12,
  fault: 'SIGSTOP between intent and sending, until another worker took over (strict)',
  outcome: 'whoever wakes up too late sends nothing',
  async run(fault) {
    const first = await fault.startWorker('first');
    const connectionId = await fault.putExpired('too-late', { rotation: 'strict' });
    const stopped = await first.order({ point: 'before:send', does: 'stop' });
    const waiting = fault.ensure(connectionId);
    await stopped.reached;
    const stoppedAt = performance.now();
    await fault.startWorker('second');
    expect(await waiting).toMatchObject({ generation: 2 });
    const recoveryMs = performance.now() - stoppedAt;
    first.resume();
    await until('the late one has gone on', () => first.hasPassed('after:send', 2));
    await fault.settled(connectionId);
    expect(fault.presented(connectionId)).toEqual([0, 1]);
    expect(await fault.state(connectionId)).toEqual({ state: 'active', generation: 2 });
    return { recoveryMs };
  },
});

scenario({
  number: 15,
  fault: 'start-to-close is over while the server still works on the request',
  outcome: 'the attempt stays owned, nobody sends again, the answer is committed',
  async run(fault) {
    const worker = await fault.startWorker('only', { startToCloseTimeout: '2 seconds' });
    const connectionId = await fault.put('slow', { rotation: 'strict', requestTimeoutMs: 20_000 });
    expect(await fault.ask(connectionId)).toMatchObject({ generation: 1 });
    await fault.expire(connectionId);
    const gate = createGate();
    fault.server.misbehave(connectionId, { answersAfter: gate.pass() });
    const waiting = fault.ensure(connectionId);
    await fault.requested(connectionId, 2);
    const askedAt = performance.now();
    // The next attempt of the activity has looked, and waits.
    await until('the activity runs again', () => worker.hasPassed('after:read', 3));
    expect(fault.presented(connectionId)).toEqual([0, 1]);
    gate.open();
    expect(await waiting).toMatchObject({ generation: 2 });
    expect(fault.presented(connectionId)).toEqual([0, 1]);
    expect(await fault.state(connectionId)).toEqual({ state: 'active', generation: 2 });
    return { recoveryMs: performance.now() - askedAt };
  },
});
