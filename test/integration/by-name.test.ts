/** Contract §1 from outside: names and JSON alone, as a program in any language uses it. */
import { randomUUID } from 'node:crypto';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { startApplication, type Application } from './application.js';
import { failureOf } from './expected-failure.js';
import { sendJson, startRecordingServer, type RecordingServer } from './recording-server.js';
import { startScriptedTokens, type ScriptedTokens } from './scripted-tokens.js';

const TOKEN_REF = ['connectionId', 'epoch', 'expiresAt', 'generation', 'scope', 'tokenType'];
const CONNECTION_STATUS = [
  ...['connectionId', 'epoch', 'expiresAt', 'failures', 'generation', 'invalid', 'issuedAt'],
  ...['lastOutcome', 'nextRefreshAt', 'refreshAfter', 'refreshTokenExpiresAt', 'retryAt'],
  ...['revocation', 'scope', 'state', 'tokenType'],
];

let system: TokenSystem;
let authorization: ScriptedTokens;
let application: Application;
/** Sends back what it gets, as text or as bytes. */
let api: RecordingServer;
let id: string;
let binary: string;
let connections = 0;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  authorization = await startScriptedTokens();
  await system.startWorker();
  application = await startApplication(system);
  api = await startRecordingServer(({ body }, response) => {
    const type = body.includes(0) ? 'application/octet-stream' : 'text/plain';
    response.writeHead(200, { 'content-type': type }).end(body);
  });
  id = await put();
  binary = await put({ api: { allowedOrigins: [api.origin] } });
});
afterAll(async () => {
  await application.stop();
  await system.close();
  await authorization.stop();
  await api.stop();
});

async function put(changes: Record<string, unknown> = {}): Promise<string> {
  const file = system.connectionFile(`by-name-${(connections += 1)}`, changes);
  await system.put(file);
  return file.connectionId;
}

const scripted = () => ({
  authorizationServer: { tokenEndpoint: authorization.tokenEndpoint, requestTimeoutMs: 3_000 },
});

const membersOf = (value: unknown): string[] => Object.keys(value as object).sort();

function execute(workflowType: string, args: unknown[], workflowId: string = randomUUID()) {
  const { taskQueue } = system;
  const options = { taskQueue, workflowId, args, workflowExecutionTimeout: '20 seconds' } as const;
  return system.client.workflow.execute<() => Promise<unknown>>(workflowType, options as never);
}

/** An update with whatever arguments; the client's types want at least one. */
const updateWith = (args: unknown[]): Promise<unknown> =>
  lifecycle(id).executeUpdate('ensureToken', { args: args as [unknown] });

const lifecycle = (connectionId: string): WorkflowHandle =>
  system.client.workflow.getHandle(`oauth-token/${connectionId}`);

it('getAccessToken returns exactly a token ref, and ignores members it does not know', async () => {
  const input = { connectionId: id, minValidMs: 1_000, rejectedGeneration: null, later: [1] };
  const ref = await application.call('getAccessToken', [input]);
  expect(membersOf(ref)).toEqual(TOKEN_REF);
  expect(ref).toMatchObject({ connectionId: id, epoch: 1, generation: 1, tokenType: 'Bearer' });
  expect((ref as { expiresAt: string }).expiresAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

it('callApi takes and returns text, and bytes as base64', async () => {
  const bytes = Buffer.from([0, 159, 146, 150]);
  const call = { connectionId: binary, method: 'PUT', url: `${api.origin}/things`, later: 1 };
  const text = await application.call('callApi', [{ ...call, body: 'some text' }]);
  expect(membersOf(text)).toEqual(['body', 'headers', 'status']);
  expect(text).toEqual({
    status: 200,
    headers: { 'content-type': 'text/plain' },
    body: 'some text',
  });
  const sent = { ...call, body: bytes.toString('base64'), bodyEncoding: 'base64' };
  const returned = await application.call('callApi', [sent]);
  expect(membersOf(returned)).toEqual(['body', 'bodyEncoding', 'headers', 'status']);
  expect(returned).toMatchObject({ status: 200, body: sent.body, bodyEncoding: 'base64' });
  expect(api.received.map(({ body }) => body)).toEqual([Buffer.from('some text'), bytes]);
});

it('validateToken returns exactly a connection status', async () => {
  const status = await application.call('validateToken', [{ connectionId: id, deep: true }]);
  expect(membersOf(status)).toEqual(CONNECTION_STATUS);
  expect(status).toMatchObject({ connectionId: id, state: 'active', generation: 1, failures: 0 });
});

it('ensureAccessToken returns exactly a token ref, as a workflow and as a child', async () => {
  const ref = await execute('ensureAccessToken', [{ connectionId: id, timeoutMs: 30_000, x: 1 }]);
  expect(membersOf(ref)).toEqual(TOKEN_REF);
  const { taskQueue } = system;
  const child = { taskQueue, workflowType: 'ensureAccessToken', input: { connectionId: id } };
  expect(await application.execute('childByName', child)).toEqual(ref);
});

it('ensureToken, configure and status return exactly their members', async () => {
  const handle = lifecycle(id);
  const forced = { epoch: 1, generation: 1, minValidMs: 0, reason: 'forced', later: true };
  const issued = await handle.executeUpdate('ensureToken', { args: [forced], updateId: 'by-hand' });
  expect(membersOf(issued)).toEqual(['failure', 'outcome', 'retryAt', 'token']);
  expect(issued).toMatchObject({ outcome: 'issued', failure: null, retryAt: null });
  expect(membersOf((issued as { token: unknown }).token)).toEqual(TOKEN_REF);
  const stale = { epoch: 1, generation: 1, minValidMs: 0, reason: 'stale' };
  const current = await handle.executeUpdate('ensureToken', { args: [stale] });
  expect(current).toMatchObject({ outcome: 'current', token: { generation: 2 } });
  expect(await handle.executeUpdate('configure', { args: [{}] })).toEqual({});
  const status = await handle.query('status');
  expect(membersOf(status)).toEqual(CONNECTION_STATUS);
  expect(status).toMatchObject({ generation: 2, lastOutcome: { outcome: 'issued', type: null } });
  expect(membersOf((status as { lastOutcome: unknown }).lastOutcome)).toEqual([
    'at',
    'outcome',
    'type',
  ]);
});

it('ensureToken answers a failed request with a value', async () => {
  const refused = await put(scripted());
  authorization.answer = (_, response) => sendJson(response, 401, { error: 'invalid_client' });
  const failure = await failureOf(application.call('getAccessToken', [{ connectionId: refused }]));
  expect(failure).toMatchObject({ type: 'OAuth.invalid_client', nonRetryable: true });
  const input = { epoch: 1, generation: 0, minValidMs: 0, reason: 'missing' };
  const answer = await lifecycle(refused).executeUpdate('ensureToken', { args: [input] });
  authorization.answer = null;
  expect(answer).toEqual({
    outcome: 'failed',
    token: null,
    failure: { type: 'OAuth.invalid_client', final: true },
    retryAt: null,
  });
});

it.each<[string, unknown[], string]>([
  ['getAccessToken', [{ connectionId: 'a b' }], 'connectionId:'],
  ['getAccessToken', [{ minValidMs: -1 }], 'minValidMs:'],
  ['getAccessToken', [{ minValidMs: 'long' }], 'minValidMs:'],
  ['getAccessToken', [{ rejectedGeneration: 1.5 }], 'rejectedGeneration:'],
  ['getAccessToken', [], 'connectionId:'],
  ['getAccessToken', [null], 'connectionId:'],
  ['callApi', [{ method: '', url: 5 }], 'url:'],
  ['callApi', [{}], 'method:'],
  ['validateToken', [{ connectionId: null }], 'connectionId:'],
  ['validateToken', ['superservice'], 'connectionId:'],
])('%s refuses %j and names %s', async (activity, args, field) => {
  const whole = args.map((input) =>
    typeof input === 'object' && input !== null ? { connectionId: id, ...input } : input,
  );
  const failure = await failureOf(application.call(activity, whole));
  expect(failure).toMatchObject({ type: 'Connection.invalid', nonRetryable: true });
  expect(failure.message).toContain(field);
});

it.each<[unknown[], string]>([
  [[{ connectionId: 5 }], 'connectionId:'],
  [[{ timeoutMs: 'a day' }], 'timeoutMs:'],
  [[{ timeoutMs: 0 }], 'timeoutMs:'],
  [[{ minValidMs: 'long' }], 'minValidMs:'],
  [[], 'connectionId:'],
  [[null], 'connectionId:'],
])('ensureAccessToken refuses %j and names %s', async (args, field) => {
  const whole = args.map((input) =>
    input === null ? null : { connectionId: id, ...(input as object) },
  );
  const failure = await failureOf(execute('ensureAccessToken', whole));
  expect(failure).toMatchObject({ type: 'Connection.invalid', nonRetryable: true });
  expect(failure.message).toContain(field);
});

it.each<[unknown[], string, string]>([
  [[{ connectionId: 'superservice' }], 'mine', 'oauth-token/superservice'],
  [[{ connectionId: 'a b' }], 'oauth-token/a b', 'connectionId:'],
  [[], 'oauth-token/nothing', 'connectionId:'],
])('tokenLifecycle refuses %j under the workflow id %s', async (args, workflowId, said) => {
  const failure = await failureOf(execute('tokenLifecycle', args, `${workflowId}`));
  expect(failure).toMatchObject({ type: 'Connection.invalid', nonRetryable: true });
  expect(failure.message).toContain(said);
});

it.each<[unknown[], string]>([
  [[], 'epoch:'],
  [[null], 'epoch:'],
  [[{ epoch: '1' }], 'epoch:'],
  [[{ generation: -1 }], 'generation:'],
  [[{ minValidMs: null }], 'minValidMs:'],
  [[{ reason: 'because' }], 'reason:'],
])('ensureToken refuses %j, names %s, and the lifecycle goes on', async (args, field) => {
  const right = { epoch: 1, generation: 1, minValidMs: 0, reason: 'stale' };
  const whole = args.map((input) => (input === null ? null : { ...right, ...(input as object) }));
  const failure = await failureOf(updateWith(whole));
  expect(failure).toMatchObject({ type: 'Connection.invalid', nonRetryable: true });
  expect(failure.message).toContain(field);
  expect(await lifecycle(id).executeUpdate('ensureToken', { args: [right] })).toMatchObject({
    outcome: 'current',
  });
});

it('ensureAccessToken rethrows the failure of the activity itself', async () => {
  const input = { connectionId: `nobody-${system.id}` };
  const thrown: unknown = await execute('ensureAccessToken', [input]).catch((e: unknown) => e);
  if (!(thrown instanceof WorkflowFailedError)) throw thrown;
  expect(thrown.cause).toBeInstanceOf(ApplicationFailure);
  expect(thrown.cause).toMatchObject({ type: 'Connection.not_found', nonRetryable: true });
  const child = { taskQueue: system.taskQueue, workflowType: 'ensureAccessToken', input };
  const inChild = await failureOf(application.execute('childByName', child));
  expect(inChild).toMatchObject({ type: 'Connection.not_found', nonRetryable: true });
});

it.each([
  [
    'answers 503',
    'OAuth.server_error',
    (response: Parameters<typeof sendJson>[0]) => sendJson(response, 503, {}),
  ],
  ['says nothing', 'Token.refresh_in_progress', () => undefined],
])(
  'ensureAccessToken ends with the last recorded type when the server %s',
  async (_, type, answer) => {
    const outage = await put(scripted());
    authorization.answer = (_form, response) => answer(response);
    const input = { connectionId: outage, timeoutMs: 2_500 };
    const thrown: unknown = await execute('ensureAccessToken', [input]).catch((e: unknown) => e);
    authorization.answer = null;
    if (!(thrown instanceof WorkflowFailedError)) throw thrown;
    expect(thrown.cause).toBeInstanceOf(ApplicationFailure);
    expect(thrown.cause).toMatchObject({ type });
  },
);

it('only the workflow types of api.callers may use a connection', async () => {
  const callers = { workflowTypes: ['callByName'] };
  const guarded = await put({ api: { allowedOrigins: [system.api.origin], callers } });
  const before = system.authorizationServer.countTokenRequests();
  const call = { connectionId: guarded, method: 'GET', url: `${system.api.origin}/v1/things` };
  for (const [activity, input] of [
    ['callApi', call],
    ['getAccessToken', { connectionId: guarded }],
  ] as const) {
    const elsewhere = application.call(activity, [input], { from: 'callFromElsewhere' });
    const failure = await failureOf(elsewhere);
    expect(failure).toMatchObject({ type: 'Policy.caller_not_allowed', nonRetryable: true });
    expect(failure.message).toContain('callFromElsewhere');
  }
  expect(system.authorizationServer.countTokenRequests()).toBe(before);
  expect(await application.call('callApi', [call])).toMatchObject({ status: 200 });
});
