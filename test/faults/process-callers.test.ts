/** Nothing is killed by force: shutdowns, clocks, people who interfere, and very many callers. */
import { expect } from 'vitest';
import { startCallers } from '../support/caller-process.js';
import { createGate } from '../support/gate.js';
import { tokenDocument } from '../support/token-records.js';
import { until } from '../support/until.js';
import { rotateByHand } from './support/by-hand.js';
import { withHeaders } from './support/rotating-server.js';
import { scenario } from './support/scenario.js';

const HOUR_MS = 3_600_000;
/** Longer than anything that is held back here. */
const PATIENT = { requestTimeoutMs: 20_000 };

scenario({
  number: 13,
  fault: 'SIGTERM with a request in flight',
  outcome:
    'the answer is committed in the grace time, the worker ends with 0, nothing is asked again',
  async run(fault) {
    const first = await fault.startWorker('first');
    const connectionId = await fault.putExpired('deployed', { rotation: 'strict', ...PATIENT });
    const gate = createGate();
    fault.server.misbehave(connectionId, { answersAfter: gate.pass() });
    const waiting = fault.ensure(connectionId);
    await fault.requested(connectionId, 2);
    const terminatedAt = performance.now();
    const ending = first.end();
    await until('it drains', () => first.stderr.includes('DRAINING'));
    expect(first.hasEnded).toBe(false);
    gate.open();
    expect(await ending).toEqual({ status: 0, signal: null });
    expect(await fault.state(connectionId)).toEqual({ state: 'active', generation: 2 });
    await fault.startWorker('second');
    expect(await waiting).toMatchObject({ generation: 2 });
    expect(fault.presented(connectionId)).toEqual([0, 1]);
    return { recoveryMs: performance.now() - terminatedAt };
  },
});

scenario({
  number: 37,
  fault: "a worker's wall clock jumps by hours during its attempts",
  outcome: 'no lease is broken, no token is asked for twice, expiry is counted right',
  async run(fault) {
    const worker = await fault.startWorker('only', { clockShiftMs: HOUR_MS });
    const connectionId = await fault.putExpired('clock', { rotation: 'strict' });
    const jumps = [
      { point: 'after:write_intent', shiftMs: 5 * HOUR_MS },
      { point: 'after:send', shiftMs: -5 * HOUR_MS },
    ] as const;
    for (const { point, shiftMs } of jumps) {
      const held = await worker.order({ point, does: 'wait' });
      const waiting = fault.ask(connectionId);
      await held.reached;
      worker.shiftClock(shiftMs);
      held.go();
      expect((await waiting).type).toBeNull();
      const { expiresAt, issuedAt, lifetimeMs } = await tokenDocument(fault.system, connectionId);
      expect(lifetimeMs).toBe(600_000);
      const countedMs = Number(expiresAt) - Number(issuedAt);
      expect(Math.abs(countedMs - 600_000)).toBeLessThan(20_000);
      await fault.expire(connectionId);
    }
    expect(await fault.ask(connectionId)).toMatchObject({ generation: 4 });
    expect(fault.presented(connectionId)).toEqual([0, 1, 2, 3]);
    return undefined;
  },
});

scenario({
  number: 38,
  fault: 'the Date of the authorization server is 10 minutes off',
  outcome: 'expiry does not follow it',
  async run(fault) {
    await fault.startWorker('only');
    const connectionId = await fault.put('date', { rotation: 'strict' });
    const offsMs = [600_000, -600_000];
    for (const [index, offMs] of offsMs.entries()) {
      const date = new Date(Date.now() + offMs).toUTCString();
      fault.server.misbehave(connectionId, {
        answers: (processed) => withHeaders(processed, { date }),
        arrives: true,
      });
      expect(await fault.ask(connectionId)).toMatchObject({ generation: index + 1 });
      const { expiresAt, issuedAt } = await tokenDocument(fault.system, connectionId);
      const countedMs = Number(expiresAt) - Number(issuedAt);
      expect(Math.abs(countedMs - 600_000)).toBeLessThan(20_000);
      await fault.expire(connectionId);
    }
    expect(await fault.call(connectionId)).toBe(200);
    return undefined;
  },
});

scenario({
  number: 45,
  fault: 'invalid_grant for a worker whose record another program has rotated meanwhile',
  outcome: "it reads again and serves the other's token; the record stays as it is",
  async run(fault) {
    await fault.startWorker('only');
    const connectionId = await fault.putExpired('by-hand', { rotation: 'strict', ...PATIENT });
    const gate = createGate();
    // Without ending the grant: a strict server would be right to do so.
    const body = JSON.stringify({ error: 'invalid_grant' });
    fault.server.misbehave(connectionId, { holds: gate.pass(), refuses: { status: 400, body } });
    const waiting = fault.ensure(connectionId);
    await fault.requested(connectionId, 2);
    await rotateByHand(fault, connectionId);
    const before = await tokenDocument(fault.system, connectionId);
    gate.open();
    expect(await waiting).toMatchObject({ generation: 2 });
    expect(await tokenDocument(fault.system, connectionId)).toEqual(before);
    expect(await fault.call(connectionId)).toBe(200);
    expect(fault.presented(connectionId)).toEqual([0, 1, 1]);
    return undefined;
  },
});

scenario({
  number: 46,
  fault: 'a person authorizes again while a refresh is in flight',
  outcome: 'the next epoch begins, the late answer is dropped, the new grant lives',
  async run(fault) {
    const worker = await fault.startWorker('only');
    const connectionId = await fault.putExpired('again', { rotation: 'strict', ...PATIENT });
    const gate = createGate();
    fault.server.misbehave(connectionId, { answersAfter: gate.pass() });
    const waiting = fault.ensure(connectionId);
    await fault.requested(connectionId, 2);
    fault.server.markLastAsker(connectionId, 'superseded');
    await fault.authorize(connectionId);
    gate.open();
    await until('the late answer came', () => worker.hasPassed('after:commit', 2));
    expect(await waiting).toMatchObject({ generation: 2 });
    const { epoch, state, candidates } = await tokenDocument(fault.system, connectionId);
    expect({ epoch, state, candidates }).toEqual({ epoch: 2, state: 'active', candidates: [] });
    expect(await fault.call(connectionId)).toBe(200);
    await fault.expire(connectionId);
    expect(await fault.ask(connectionId)).toMatchObject({ generation: 3 });
    expect(fault.presented(connectionId)).toEqual([0, 1, 2, 3]);
    return undefined;
  },
});

const PROCESSES = 4;
const CALLERS = 2_500;

scenario({
  number: 43,
  fault: '10,000 callers in 4 processes at once on one expired token',
  outcome: 'one token request, and all are served',
  async run(fault) {
    await fault.startWorker('only');
    const connectionId = await fault.putExpired('waiters', { rotation: 'strict' });
    const processes = await Promise.all(
      Array.from({ length: PROCESSES }, () => startCallers(fault.system, connectionId, CALLERS)),
    );
    const reports = await Promise.all(processes.map((one) => one.go()));
    expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
    expect(reports.map(({ served }) => served)).toEqual(processes.map(() => CALLERS));
    expect(reports.map(({ generations }) => generations)).toEqual(processes.map(() => [2]));
    expect(fault.presented(connectionId)).toEqual([0, 1]);
    const longestWaitMs = Math.max(...reports.map(({ ms }) => ms));
    return { more: { waiters: PROCESSES * CALLERS, longestWaitMs } };
  },
});

scenario({
  number: 59,
  fault: 'a worker of another deployment is started on the same database',
  outcome: 'it refuses, says both task queues, asks nothing; the first one goes on',
  async run(fault) {
    await fault.startWorker('only');
    const connectionId = await fault.putExpired('two-deployments', { rotation: 'strict' });
    const environment = { OAUTH_TOKENS_TASK_QUEUE: 'another-queue' };
    const starting = fault.startWorker('stranger', { environment });
    await expect(starting).rejects.toThrow(
      new RegExp(`${fault.system.taskQueue}[^]*another-queue`),
    );
    const [, stranger] = fault.workers;
    expect((await stranger?.ended)?.status).toBe(2);
    expect(await fault.ask(connectionId)).toMatchObject({ generation: 2 });
    expect(fault.presented(connectionId)).toEqual([0, 1]);
    return undefined;
  },
});
