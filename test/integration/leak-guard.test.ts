/** The leak guard on a real Temporal: what is refused, where the refusal ends up, what is left. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Context, heartbeat, sleep } from '@temporalio/activity';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, type DataConverter } from '@temporalio/common';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createLeakGuard, registerSecret, type AccessToken } from '../../src/index.js';
import { expectNoSecretsIn } from '../../src/testing/index.js';
import { StoredAccessToken } from '../../src/tokens/access-token.js';
import { record } from '../contract/records.js';
import { failureOf } from './expected-failure.js';

const TOKEN = `guarded-access-${randomUUID()}`;
const OWN_SECRET = `own-api-key-${randomUUID()}`;
const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl';
const secrets = [TOKEN, OWN_SECRET, JWT];
registerSecret(OWN_SECRET);
// What a token source hands out; making it makes it known.
const token: AccessToken = new StoredAccessToken(record(), TOKEN);

const activities = {
  async returnsIt() {
    return token;
  },
  async revealsIt() {
    return { note: `Bearer ${token.reveal()}` };
  },
  async revealsItInBase64() {
    return btoa(`client:${token.reveal()}`);
  },
  async returnsJwt() {
    return { session: JWT };
  },
  async throwsIt() {
    throw new Error(`It failed with ${token.reveal()}`);
  },
  async throwsItInCause() {
    throw ApplicationFailure.create({ message: 'x', cause: new Error(token.reveal()) });
  },
  async throwsItInDetails() {
    throw ApplicationFailure.create({
      ...{ message: 'x', type: 'Careless', details: [{ deep: [token.reveal()] }] },
    });
  },
  async throwsItInType() {
    throw ApplicationFailure.create({ message: 'x', type: OWN_SECRET });
  },
  async beatsIt() {
    heartbeat({ token: token.reveal() });
    await sleep('30 seconds');
  },
  async beatsItAndGoesOn() {
    heartbeat({ token: token.reveal() });
    await Context.current().cancelled.catch(() => undefined);
    return 'done';
  },
  async throwsOther() {
    throw ApplicationFailure.create({ message: 'theirs', type: 'Theirs', details: [{ n: 1 }] });
  },
  async works() {
    return { note: 'fine' };
  },
};

let native: NativeConnection;
let connection: Connection;
let guarded: Client;
let plain: Client;
const taskQueue = `leak-guard-${randomUUID()}`;
const workflowsPath = fileURLToPath(new URL('./careless-workflows.ts', import.meta.url));
const running: { worker: Worker; ended: Promise<void> }[] = [];

beforeAll(async () => {
  const address = inject('temporalAddress');
  native = await NativeConnection.connect({ address });
  connection = await Connection.connect({ address });
  guarded = new Client({ connection, plugins: [createLeakGuard()] });
  plain = new Client({ connection });
  const workers: [name: string, more: Partial<WorkerOptions>][] = [
    ['', { plugins: [createLeakGuard()] }],
    // A bare codec, as a data converter that is configured elsewhere has it.
    ['-codec', { dataConverter: { payloadCodecs: [createLeakGuard()] } }],
    ['-plain', {}],
  ];
  for (const [name, more] of workers) {
    const worker = await Worker.create({
      ...{ connection: native, taskQueue: `${taskQueue}${name}`, activities, ...more },
      workflowsPath,
    });
    running.push({ worker, ended: worker.run() });
  }
});
afterAll(async () => {
  for (const { worker } of running) if (worker.getState() === 'RUNNING') worker.shutdown();
  await Promise.allSettled(running.map(({ ended }) => ended));
  await native.close();
  await connection.close();
});

const started = (workflowType: string, args: unknown[], options = {}) =>
  plain.workflow.start(workflowType, {
    ...{ taskQueue, workflowId: `careless-${randomUUID()}`, args },
    ...options,
  });

/** Runs one activity; its failure's type, or its result, and a history that is clean. */
async function outcomeOf(activity: string, options = {}): Promise<unknown> {
  const handle = await started('runs', [activity], options);
  const outcome: unknown = await handle.result().catch((error: unknown) => error);
  expectNoSecretsIn(await handle.fetchHistory(), secrets);
  if (!(outcome instanceof WorkflowFailedError)) return outcome;
  return (await failureOf(Promise.reject(outcome))).type;
}

describe('an activity', () => {
  it.each([
    [
      'that returns an access token fails, because that has no JSON form',
      'returnsIt',
      'ValueError',
    ],
    ['that returns a revealed token', 'revealsIt', 'Policy.secret_leak_blocked'],
    ['that returns it encoded', 'revealsItInBase64', 'Policy.secret_leak_blocked'],
    ['that returns what looks like a token', 'returnsJwt', 'Policy.secret_leak_blocked'],
    ['that throws it in a message', 'throwsIt', 'Policy.secret_leak_blocked'],
    ['that throws it in a cause', 'throwsItInCause', 'Policy.secret_leak_blocked'],
    ['that throws it in details', 'throwsItInDetails', 'Policy.secret_leak_blocked'],
    ['that throws it as a type', 'throwsItInType', 'Policy.secret_leak_blocked'],
    ['that heartbeats it is cancelled, and fails', 'beatsIt', 'CancelledFailure'],
    ['that heartbeats it and goes on may end', 'beatsItAndGoesOn', 'done'],
    ['that throws an error without a secret is left alone', 'throwsOther', 'Theirs'],
  ])('%s', async (_what, activity, expected) => {
    expect(await outcomeOf(activity)).toBe(expected);
  });

  it('whose error holds a secret in its details does not end a Worker with the bare codec', async () => {
    const options = { taskQueue: `${taskQueue}-codec` };
    expect(await outcomeOf('throwsItInDetails', options)).toBe('Careless');
    expect(await outcomeOf('revealsIt', options)).toBe('Policy.secret_leak_blocked');
    expect(running[1]?.worker.getState()).toBe('RUNNING');
    // What only the plugin does.
    await expect(outcomeOf('throwsIt', options)).rejects.toThrow(/stackTrace|message/);
  });
});

describe('a client', () => {
  it('refuses inputs, signals, queries, updates, memos and summaries before it sends them', async () => {
    const handle = await started('waits', []);
    const { workflowId } = handle;
    const own = guarded.workflow.getHandle(workflowId);
    const start = (args: unknown[], options = {}) =>
      guarded.workflow.start('runs', { taskQueue, workflowId: randomUUID(), args, ...options });
    const attempts = {
      input: start([token.reveal()]),
      memo: start(['works'], { memo: { note: token.reveal() } }),
      summary: start(['works'], { staticSummary: JWT }),
      signal: own.signal('note', { deep: [OWN_SECRET] }),
      query: own.query('echo', token.reveal()),
      update: own.executeUpdate('echo', { args: [token.reveal()] }),
    };
    for (const [name, attempt] of Object.entries(attempts)) {
      const refused = { type: 'Policy.secret_leak_blocked', nonRetryable: true };
      await expect(attempt, name).rejects.toMatchObject(refused);
    }
    expect(await own.query('echo', 'fine')).toBe('fine');
    expect(await own.executeUpdate('echo', { args: ['fine'] })).toBe('fine');
    await own.signal('end');
    await own.result();
    expectNoSecretsIn(await handle.fetchHistory(), secrets);
  });

  it('cannot keep a secret out of a workflow id, which no codec sees', async () => {
    const workflowId = `id-${OWN_SECRET}`;
    const args = ['works'];
    const handle = await guarded.workflow.start('runs', { taskQueue, workflowId, args });
    await handle.result();
    const history = await handle.fetchHistory();
    expect(() => expectNoSecretsIn(history, secrets)).toThrow(
      /^Event 1 holds secret 2 of 3 at workflowExecutionStartedEventAttributes.workflowId\.$/m,
    );
  });
});

describe('a workflow', () => {
  it.each(['returnsSecret', 'writesMemo', 'passesOn', 'throwsInDetails'])(
    '%s: its workflow task fails, nothing is written, and the run waits',
    async (what) => {
      const handle = await started(what, [JWT.split('.')]);
      const failed = async () => {
        const { events } = await handle.fetchHistory();
        return events?.find((event) => event.workflowTaskFailedEventAttributes)
          ?.workflowTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type;
      };
      await expect.poll(failed, { timeout: 20_000 }).toBe('Policy.secret_leak_blocked');
      expectNoSecretsIn(await handle.fetchHistory(), secrets);
      expect((await handle.describe()).status.name).toBe('RUNNING');
      await handle.terminate();
    },
  );

  it('with a secret in its history from before cannot be replayed with the guard', async () => {
    const handle = await started('passesOn', [JWT.split('.')], { taskQueue: `${taskQueue}-plain` });
    await handle.result();
    const history = await handle.fetchHistory();
    expect(() => expectNoSecretsIn(history, secrets)).toThrow('secret 3 of 3');
    const replay = (dataConverter: DataConverter) =>
      Worker.runReplayHistory({ workflowsPath, dataConverter }, history);
    await expect(replay({})).resolves.toBeUndefined();
    await expect(replay({ payloadCodecs: [createLeakGuard()] })).rejects.toThrow();
  });
});
