/**
 * The token worker that users run, started by the same command, in a process that can be told to
 * die, stand still or wait at a point of the rotation protocol. Nothing of this is in the package:
 * the points come from a patch of `RotationEffects` in this process alone.
 */
import { shiftWallClock } from './wall-clock.js';
import { AsyncLocalStorage } from 'node:async_hooks';
import { activityInfo } from '@temporalio/activity';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { Agent, type Dispatcher } from 'undici';
import { RotationEffects } from '../../../src/activities/rotation-effects.js';
import { lifecycleWorkflowId } from '../../../src/contract/names.js';
import { Journal } from '../../../src/store/journal.js';
import { SENDER_HEADER } from './exchanges.js';
import type { Command, Order, Point, Report } from './orders.js';

const orders = new Map<number, { order: Order; left: number }>();
const waiting = new Map<number, () => void>();

function report(message: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) throw new Error('A faulty worker needs its parent.');
    process.send(message, () => resolve());
  });
}

process.on('message', (command: Command) => {
  if (command.type === 'order') {
    orders.set(command.id, { order: command.order, left: command.order.nth ?? 1 });
    void report({ type: 'taken' });
  } else if (command.type === 'go') {
    waiting.get(command.id)?.();
  } else {
    shiftWallClock(command.shiftMs);
  }
});
process.on('disconnect', () => process.exit(1));

/** Carries out the first order that is due here. @returns whether there was one */
async function obey(point: Point, connectionId: string): Promise<boolean> {
  for (const [id, entry] of orders) {
    const { order } = entry;
    if (order.point !== point) continue;
    if (order.connectionId !== undefined && order.connectionId !== connectionId) continue;
    entry.left -= 1;
    if (entry.left > 0) continue;
    orders.delete(id);
    const mayGo = new Promise<void>((resolve) => waiting.set(id, resolve));
    await report({ type: 'reached', id });
    if (order.does === 'wait') await mayGo;
    else process.kill(process.pid, order.does === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    return true;
  }
  return false;
}

const carryOut = Reflect.get<RotationEffects, 'carryOut'>(RotationEffects.prototype, 'carryOut');
/** When a response was captured, by connection; only of those that nothing held up. */
const capturedAt = new Map<string, number>();

/** The last token request of a run of the protocol. */
const sends = new WeakMap<RotationEffects, number>();
const sending = new AsyncLocalStorage<number>();
let sent = 0;

// Says in a header which of this worker's token requests it is.
const dispatch = Reflect.get<Agent, 'dispatch'>(Agent.prototype, 'dispatch');
Agent.prototype.dispatch = function (options: Dispatcher.DispatchOptions, handler) {
  const send = sending.getStore();
  if (send === undefined) return dispatch.call(this, options, handler);
  const sender = `${process.env['FAULT_WORKER_NAME']}/${send}`;
  const headers = { ...(options.headers as Record<string, string>), [SENDER_HEADER]: sender };
  return dispatch.call(this, { ...options, headers }, handler);
};

RotationEffects.prototype.carryOut = async function (effect) {
  const { workflowExecution } = activityInfo();
  const connectionId = workflowExecution?.workflowId.slice(lifecycleWorkflowId('').length) ?? '';
  const before: Point = `before:${effect.do}`;
  if (effect.do === 'send') sends.set(this, (sent += 1));
  const send = sends.get(this) ?? 0;
  void report({ type: 'passed', point: before, connectionId, event: null, send });
  if (await obey(before, connectionId)) capturedAt.delete(connectionId);
  const event = await sending.run(send, () => carryOut.call(this, effect));
  const endedAt = performance.now();
  const startedAt = capturedAt.get(connectionId);
  if (event.type === 'committed' && startedAt !== undefined) {
    void report({ type: 'window', connectionId, us: Math.round((endedAt - startedAt) * 1_000) });
  }
  capturedAt.delete(connectionId);
  const after: Point = `after:${effect.do}`;
  void report({ type: 'passed', point: after, connectionId, event: event.type, send });
  const held = await obey(after, connectionId);
  if (event.type === 'captured' && !held) capturedAt.set(connectionId, endedAt);
  return event;
};

const writeJournal = Reflect.get<Journal, 'write'>(Journal.prototype, 'write');
Journal.prototype.write = async function (attemptId, entry) {
  await writeJournal.call(this, attemptId, entry);
  await obey('after:journal', entry.parent.connectionId);
};

// Bundled once for a test file instead of once for each process.
const codePath = process.env['FAULT_WORKFLOW_BUNDLE'];
const create = Worker.create.bind(Worker);
Worker.create = ({ workflowsPath, ...options }: WorkerOptions) => {
  if (workflowsPath === undefined) return create(options);
  return create({
    ...options,
    ...(codePath ? { workflowBundle: { codePath } } : { workflowsPath }),
  });
};

process.argv.splice(2, process.argv.length, 'worker');
await import('../../../src/cli/main.js');
