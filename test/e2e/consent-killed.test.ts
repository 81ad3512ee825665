/** Processes die between the steps of a consent: it ends connected, or the person is asked again. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createGate } from '../support/gate.js';
import { consentAt } from '../support/consent.js';
import { tokenDocument } from '../support/token-records.js';
import type { TokenSystem } from '../support/token-system.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';
import {
  authorizationDocument,
  begin,
  callBack,
  consent,
  consentFile,
  redeemed,
  REDIRECT_URI,
  startConsentSystem,
} from '../integration/consent-system.js';
import { failureOf } from '../integration/expected-failure.js';
import {
  consentedAt,
  putScripted,
  startScriptedConsent,
  type ScriptedConsent,
} from '../integration/scripted-consent.js';

let system: TokenSystem;
let scripted: ScriptedConsent;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  system = await startConsentSystem();
  scripted = await startScriptedConsent();
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
  await scripted.stop();
  await system.close();
});

async function startWorker(): Promise<WorkerProcess> {
  const worker = await startWorkerProcess(system.environment());
  workers.push(worker);
  return worker;
}

async function put(name: string): Promise<string> {
  const { authorizationServer } = system;
  const { tokenEndpoint, authorizationEndpoint, issuer, jwksUri } = authorizationServer;
  const endpoints = { tokenEndpoint, authorizationEndpoint, issuer, jwksUri };
  const file = consentFile(system, name);
  // Until its budget is over nobody else may send the code.
  const server = { ...endpoints, requestTimeoutMs: 1_000 };
  return (await system.put({ ...file, authorizationServer: server })).connectionId;
}

it('a consent given while no worker runs, and a callback whose process died, are picked up', async () => {
  const waiting = await put('no-worker');
  const received = await consent(system, waiting);
  expect(received.outcome).toBe('received');
  // Its process kept the code and died before it had told Temporal; the person loads the page again.
  const interrupted = await put('interrupted');
  const begun = await begin(system, interrupted);
  const { searchParams } = await consentAt(begun.url.reveal(), REDIRECT_URI);
  const taskQueue = 'nobody-serves-this-one';
  await callBack({ ...system, taskQueue }, searchParams, begun.browser);
  const { workflowId } = system.client.workflow.getHandle(
    `oauth-authorization/${begun.authorizationId}`,
  );
  await system.client.workflow.getHandle(workflowId).terminate('the process died before');
  expect(await callBack(system, searchParams, begun.browser)).toMatchObject({
    outcome: 'received',
  });
  // And one died with nothing but the link made: a new link serves.
  await begin(system, await put('only-link'));
  await startWorker();
  expect(await redeemed(system, received)).toMatchObject({ epoch: 2, generation: 1 });
  expect(await redeemed(system, begun)).toMatchObject({ epoch: 2, generation: 1 });
});

it('a worker killed with a code under way: connected, or the person is asked again', async () => {
  const [killed] = workers;
  const { hooks, requests } = system.authorizationServer;
  const unseen = await put('unseen');
  const spent = await put('spent');
  const stored = await putScripted(system, scripted, { name: 'stored' });
  const beforeServer = createGate();
  const afterServer = createGate();

  // One request never reaches the server, the answer to another never the worker.
  hooks.onTokenRequest = () => beforeServer.pass();
  const first = await consent(system, unseen);
  await expect.poll(() => beforeServer.arrived(), { timeout: 20_000 }).toBe(1);
  hooks.onTokenRequest = null;
  hooks.onTokenResponse = () => afterServer.pass();
  const second = await consent(system, spent);
  await expect.poll(() => afterServer.arrived(), { timeout: 20_000 }).toBe(1);
  // Of a third the answer is stored, and cannot be judged.
  scripted.keysAway = true;
  const { begun, query, nonce } = await consentedAt(system, stored);
  scripted.tokens.script.push(() => scripted.goodTokens(nonce));
  await callBack(system, query, begun.browser);
  const phase = async () => (await authorizationDocument(system, begun)).phase;
  await expect.poll(phase, { timeout: 20_000 }).toBe('captured');

  expect(await killed?.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
  hooks.onTokenResponse = null;
  scripted.keysAway = false;
  const before = requests.length;
  await startWorker();

  expect(await redeemed(system, begun)).toMatchObject({ epoch: 2, generation: 1 });
  expect(scripted.tokens.received).toHaveLength(1);
  // The server refuses what it has seen already, and takes what it has not.
  expect((await failureOf(redeemed(system, second))).type).toBe('Authorization.lost');
  expect(await tokenDocument(system, spent)).toMatchObject({
    ...{ epoch: 1, generation: 0, access: null, grant: null, state: 'reauthorization_required' },
  });
  // Held back until now: the first process is gone, and so is its request.
  expect(await redeemed(system, first)).toMatchObject({ epoch: 2, generation: 1 });
  expect(requests.length - before).toBe(2);
  beforeServer.open();
  afterServer.open();
  // Whoever is asked again connects.
  const again = await consent(system, spent);
  expect(await redeemed(system, again)).toMatchObject({ epoch: 2, generation: 1 });
});
