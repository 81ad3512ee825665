import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure, type Payload } from '@temporalio/common';
import { heartbeat, Context, sleep } from '@temporalio/activity';
import { NativeConnection, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { writeFile } from 'node:fs/promises';
import { inject, it } from 'vitest';

const MARK = 'EXPERIMENT-SECRET';
const stacks: string[] = [];
const codec = {
  async encode(payloads: Payload[]) {
    for (const p of payloads)
      if (Buffer.from(p.data ?? []).includes(MARK)) {
        stacks.push(String(new Error('x').stack));
        throw ApplicationFailure.nonRetryable('blocked', 'Policy.secret_leak_blocked');
      }
    return payloads;
  },
  async decode(p: Payload[]) { return p; },
};
it('experiments', async () => {
  const address = inject('temporalAddress');
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  const dc = { payloadCodecs: [codec] };
  const client = new Client({ connection, dataConverter: dc });
  const plain = new Client({ connection });
  const taskQueue = `exp-${randomUUID()}`;
  const file = fileURLToPath(new URL('./zz-experiment-workflows.ts', import.meta.url));
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: file });
  const activities = {
    async result() { return MARK; },
    async details(): Promise<void> { throw ApplicationFailure.create({ message: 'm', details: [MARK], nonRetryable: true }); },
    async beats(): Promise<string> { heartbeat(MARK); try { await Context.current().cancelled; } catch (e) { return 'swallowed'; } return 'x'; },
    async beats2(): Promise<string> { heartbeat(MARK); await sleep(5000); return 'x'; },
  };
  const mk = async () => {
    const w = await Worker.create({ connection: native, taskQueue, workflowBundle, activities, dataConverter: dc });
    const r = w.run().then(() => 'ended', (e: unknown) => `CRASHED ${String(e)}`);
    return { w, r };
  };
  let { w, r } = await mk();
  const tryIt = async (name: string, run: () => Promise<unknown>) => {
    const out = await Promise.race([
      run().then((v) => `ok ${JSON.stringify(v)}`, (e: Error & {cause?: Error}) => `${e.constructor.name}: ${e.message} <- ${e.cause?.constructor.name}: ${e.cause?.message} <- ${(e.cause as {cause?: Error})?.cause?.message}`),
      new Promise((ok) => setTimeout(() => ok('TIMEOUT'), 8000)),
    ]);
    const state = await Promise.race([r, new Promise((ok) => setTimeout(() => ok('running'), 300))]);
    console.log(name, '=>', out, '| worker', state);
    if (state !== 'running') ({ w, r } = await mk());
  };
  const exec = (type: string, args: unknown[] = [], c: Client = client, more = {}) =>
    c.workflow.execute(type, { taskQueue, workflowId: randomUUID(), args, workflowRunTimeout: '30s', ...more });
  for (const a of ['result', 'beats', 'beats2']) await tryIt(`activity ${a}`, () => exec('act', [a]));
  await tryIt('client input', () => exec('act', [MARK]));
  await tryIt('client memo', () => exec('act', ['x'], client, { memo: { a: MARK } }));
  await tryIt('client summary', () => exec('act', ['x'], client, { staticSummary: MARK }));
  const h = await plain.workflow.start('holds', { taskQueue, workflowId: randomUUID() });
  const g = client.workflow.getHandle(h.workflowId);
  await tryIt('client signal', () => g.signal('s', MARK));
  await tryIt('client query arg', () => g.query('q', MARK));
  await tryIt('client update arg', () => g.executeUpdate('u', { args: [MARK] }));
  await tryIt('query result', () => g.query('qr'));
  await tryIt('update result', () => g.executeUpdate('ur'));
  await tryIt('after update result, query', () => g.query('q', 'fine'));
  await tryIt('client terminate details', () => g.terminate('r', MARK));
  await tryIt('wf result', () => exec('returns'));
  await tryIt('wf memo', () => exec('memo'));
  await tryIt('wf activity input', () => exec('actInput'));
  await tryIt('wf failure details', () => exec('failsDetails'));
  await tryIt('wf message', () => exec('failsMessage'));
  const hist = await plain.workflow.start('returns', { taskQueue, workflowId: randomUUID() });
  await new Promise((ok) => setTimeout(ok, 2000));
  const hh = await hist.fetchHistory();
  console.log(JSON.stringify(hh.events?.map((e) => [e.eventType, e.workflowTaskFailedEventAttributes?.failure?.message, e.workflowTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type])));
  console.log('DETAILS STACKS before', stacks.length); stacks.length = 0;
  await tryIt('activity details', () => exec('act', ['details']));
  console.log(stacks.join('\n---\n'));
  w.shutdown(); await r;
  await native.close(); await connection.close();
}, 200_000);
