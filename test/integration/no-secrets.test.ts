/** No secret crosses Temporal, a log, or MongoDB in clear (design §8): everything is searched. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { startApplication, type Application } from './application.js';
import { failureOf } from './expected-failure.js';
import { leftInMongodb, leftInTemporal } from './left-behind.js';
import { startProcess, type TestProcess } from './processes/start-process.js';
import { sendJson, startRecordingServer, type RecordingServer } from './recording-server.js';
import { startScriptedTokens, type ScriptedTokens, type TokenForm } from './scripted-tokens.js';
import { secretsIn, textsIn } from './secret-search.js';

const marked = (what: string): string => `marked-${what}-${randomBytes(12).toString('hex')}`;
const CLIENT_SECRET = marked('client-secret');
/** Every secret there is; the authorization server adds those that it issues. */
const secrets = [CLIENT_SECRET];
const remember = (secret: string): string => {
  secrets.push(secret);
  return secret;
};

let system: TokenSystem;
let authorization: ScriptedTokens;
let api: RecordingServer;
let worker: TestProcess;
let application: Application;
let ownLog = '';
/** What callers were told, as text. */
let told = '';

/** Authorization servers that echo what they were sent, one for each client id. */
type Misbehaviour = (form: TokenForm, echo: string, response: ServerResponse) => void;
const MISBEHAVIOURS: Record<string, [type: string, answer: Misbehaviour]> = {
  'refuses-client': [
    'OAuth.invalid_client',
    (_, echo, response) =>
      sendJson(response, 401, {
        error: 'invalid_client',
        error_description: echo,
        error_uri: echo,
      }),
  ],
  'refuses-grant': [
    'Token.reauthorization_required',
    (_, echo, response) =>
      sendJson(response, 400, { error: 'invalid_grant', error_description: echo }),
  ],
  'odd-code': [
    'OAuth.other',
    (form, _, response) => sendJson(response, 400, { error: form['client_secret'] }),
  ],
  // Unknown outcomes: the refresh token may have been rotated.
  outage: ['Token.refresh_in_progress', (_, echo, response) => response.writeHead(503).end(echo)],
  limited: [
    'OAuth.rate_limited',
    (_, echo, response) => response.writeHead(429, { 'x-echo': echo, 'retry-after': '1' }).end(),
  ],
  html: [
    'Token.refresh_in_progress',
    (_, echo, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end(`<p>${echo}</p>`),
  ],
  truncated: [
    'Token.refresh_in_progress',
    (_, echo, response) =>
      response.writeHead(200).end(`{"access_token":"${remember(marked('cut-off'))}","x":"${echo}`),
  ],
  redirects: [
    'OAuth.other',
    (_, echo, response) =>
      response.writeHead(307, { location: `${api.origin}/?${encodeURIComponent(echo)}` }).end(),
  ],
  'odd-token': [
    'OAuth.malformed_response',
    (_, echo, response) =>
      sendJson(response, 200, {
        access_token: `${remember(marked('odd-token'))}\n`,
        refresh_token: remember(marked('odd-refresh')),
        token_type: echo,
        scope: 'read',
      }),
  ],
};

beforeAll(async () => {
  const logger = new DefaultLogger('TRACE', (entry) => (ownLog += `${textsIn(entry)}\n`));
  // In place of the one that is quiet for the other tests.
  await Runtime.instance().shutdown();
  Runtime.install({ logger });
  system = await startTokenSystem();
  const keys = JSON.parse(await readFile(system.keysFile, 'utf8')) as { keys: { k: string }[] };
  secrets.push(...keys.keys.map(({ k }) => k));
  authorization = await startScriptedTokens();
  authorization.answer = (form, response) => {
    const echo = `${form['client_secret']} ${form['refresh_token']}`;
    const misbehaviour = MISBEHAVIOURS[form['client_id'] ?? ''];
    if (misbehaviour === undefined) authorization.issue(form, response);
    else misbehaviour[1](form, echo, response);
  };
  api = await startRecordingServer(({ path, headers }, response) => {
    if (path === '/events') return void response.writeHead(204).end();
    const echo = headers.authorization ?? '';
    const token = echo.replace('Bearer ', '');
    if (!authorization.isActive(token)) return void response.writeHead(401).end(echo);
    if (path === '/echo') return void response.end(JSON.stringify({ echo }));
    if (path === '/echo-header') return void response.writeHead(200, { etag: echo }).end();
    if (path === '/large') return void response.end(echo.repeat(50_000));
    if (path === '/breaks')
      return void response.writeHead(200).write(echo, () => response.destroy());
    response.end('things');
  });
  const webhookSecret = remember(`whsec_${randomBytes(32).toString('base64')}`);
  const webhookSecretFile = join(inject('scratch'), `webhook-${system.id}`);
  await writeFile(webhookSecretFile, webhookSecret);
  const env = {
    ...system.environment(),
    OAUTH_TOKENS_WEBHOOK_URL: `${api.origin}/events`,
    OAUTH_TOKENS_WEBHOOK_SECRET_FILE: webhookSecretFile,
    LOG_LEVEL: 'trace',
    OAUTH_TOKENS_SEARCH_ATTRIBUTES: 'true',
  };
  worker = startProcess('src/cli/main.ts', ['worker'], { env });
  await worker.says('worker ready');
  application = await startApplication(system, { activities: carelessActivities() });
});
afterAll(async () => {
  await application.stop();
  await worker.stop();
  await system.close();
  await authorization.stop();
  await api.stop();
});

/** Activities of an application that is careless with a token. */
function carelessActivities() {
  const tokens = system.source({ client: undefined });
  return {
    async returnsTheToken({ connectionId }: { connectionId: string }) {
      return tokens.getAccessToken(connectionId);
    },
    async throwsTheToken({ connectionId }: { connectionId: string }) {
      const token = await tokens.getAccessToken(connectionId);
      throw new Error(`It failed with ${inspect(token)}`, { cause: token });
    },
    async sendsTheToken({ connectionId }: { connectionId: string }) {
      const response = await tokens.fetch(connectionId, `${api.origin}/breaks`);
      return response.text();
    },
  };
}

async function put(name: string, clientId: string, grantType: string): Promise<string> {
  const refresh = grantType === 'refresh_token';
  const file = system.connectionFile(name, {
    authorizationServer: { tokenEndpoint: authorization.tokenEndpoint },
    client: {
      clientId,
      authentication: refresh ? 'client_secret_post' : 'client_secret_basic',
      clientSecret: { env: 'CLIENT_SECRET' },
    },
    grant: { grantType, ...(refresh ? { refreshToken: { env: 'REFRESH_TOKEN' } } : {}) },
    api: { allowedOrigins: [api.origin] },
  });
  const REFRESH_TOKEN = remember(marked('imported-refresh'));
  await system.put(file, { CLIENT_SECRET, REFRESH_TOKEN });
  return file.connectionId;
}

/** Calls an activity that must fail, and remembers what its caller is told. */
async function fails(type: string, activity: string, input: unknown, own = false): Promise<void> {
  const thrown: unknown = await application.call(activity, [input], { own }).then(
    (value) => new Error(`${activity} succeeded with ${JSON.stringify(value)}.`),
    (error: unknown) => error,
  );
  told += `${textsIn(thrown)}\n`;
  expect((await failureOf(Promise.reject(thrown as Error))).type, activity).toBe(type);
}

/** Success, refreshes, every failure above, an API that echoes, careless activities, an outage. */
async function runEverything(): Promise<void> {
  const credentials = await put('credentials', 'works', 'client_credentials');
  const rotated = await put('rotated', 'works', 'refresh_token');
  for (const connectionId of [credentials, rotated]) {
    const call = (path: string) => ({ connectionId, method: 'GET', url: `${api.origin}${path}` });
    expect(await application.call('callApi', [call('/')])).toMatchObject({ body: 'things' });
    authorization.endAll();
    expect(await application.call('callApi', [call('/')])).toMatchObject({ body: 'things' });
    await application.call('validateToken', [{ connectionId }]);
    await fails('Policy.secret_in_response', 'callApi', call('/echo'));
    await fails('Policy.secret_in_response', 'callApi', call('/echo-header'));
    await fails('Api.response_too_large', 'callApi', call('/large'));
    await fails('Api.unreachable', 'callApi', call('/breaks'));
    await fails('ValueError', 'returnsTheToken', { connectionId }, true);
    await fails('Error', 'throwsTheToken', { connectionId }, true);
    await fails('TypeError', 'sendsTheToken', { connectionId }, true);
    await system.client.workflow.getHandle(`oauth-token/${connectionId}`).query('status');
  }
  const misbehaving = Object.entries(MISBEHAVIOURS).map(async ([clientId, [type]]) => {
    const connectionId = await put(clientId, clientId, 'refresh_token');
    await fails(type, 'getAccessToken', { connectionId });
    await fails(type, 'getAccessToken', { connectionId, onReauthorization: 'wait' });
    await application.call('validateToken', [{ connectionId }]);
  });
  await Promise.all(misbehaving);
}

it('leaves no secret in histories, visibility, descriptions, logs or MongoDB, and would find one', async () => {
  await runEverything();
  expect(authorization.accessTokens.length).toBeGreaterThanOrEqual(4);
  secrets.push(...authorization.accessTokens, ...authorization.refreshTokens);
  const queues = [system.taskQueue, application.taskQueue];
  const temporal = await leftInTemporal(system, queues, Object.keys(MISBEHAVIOURS).length + 20);
  const events = textsIn(api.receivedAt('/events').map(({ body }) => body.toString()));
  const places = { ...temporal, ...(await leftInMongodb(system)), told, events };
  const logs = { worker: worker.stdout() + worker.stderr(), own: ownLog };
  for (const [place, text] of Object.entries({ ...places, ...logs })) {
    expect(secretsIn(String(text), secrets), place).toEqual([]);
  }
  // There was something to search: failures in histories, pending ones, and a log at trace.
  expect(temporal.histories).toContain('OAuth.invalid_client');
  expect(temporal.descriptions).toContain('OAuth.server_error');
  expect(temporal.visibility).toContain('OAuthTokenState');
  expect(places.documents).toContain('encrypted_key');
  expect(events).toContain('token.reauthorization_required');
  expect(places.oplog).toContain('encrypted_key');
  expect(logs.worker).toContain('"level":"trace"');
  expect(logs.own).toContain('Activity failed');

  await plantAndFind(temporal.runs);
  // And none in what a worker says when it ends.
  await worker.stop();
  expect(secretsIn(worker.stdout() + worker.stderr(), secrets)).toEqual([]);
});

/** The same search finds what is planted where a leak would be. */
async function plantAndFind(runs: number): Promise<void> {
  const inInput = marked('planted-in-input');
  const inMemo = marked('planted-in-memo');
  const inLog = marked('planted-in-log');
  const inDocument = marked('planted-in-document');
  const planted = [inInput, inMemo, inLog, inDocument];
  const { connections } = system.database;
  await connections.updateOne(
    { 'client.clientId': 'works' },
    { $set: { updatedBy: Buffer.from(`someone ${inDocument}`).toString('base64') } },
  );
  // The id of a connection that does not exist is logged with the failure, as it should be.
  const missing = { connectionId: inLog, note: btoa(`a note with ${inInput}`) };
  await fails('Connection.not_found', 'getAccessToken', missing);
  await application.client.workflow
    .execute('callByName', {
      ...{ workflowId: marked('memo'), taskQueue: application.taskQueue, memo: { note: inMemo } },
      args: [
        { taskQueue: system.taskQueue, activity: 'validateToken', args: [{}], maximumAttempts: 1 },
      ],
    })
    .catch(() => undefined);
  await expect.poll(() => secretsIn(worker.stderr(), planted)).toEqual([inLog]);
  const { taskQueue } = application;
  const temporal = await leftInTemporal(system, [system.taskQueue, taskQueue], runs + 2);
  expect(secretsIn(temporal.histories, planted)).toEqual([inInput, inMemo, inLog]);
  expect(secretsIn(temporal.visibility, planted)).toEqual([inMemo]);
  const { documents, oplog } = await leftInMongodb(system);
  expect(secretsIn(documents, planted)).toEqual([inDocument]);
  expect(secretsIn(oplog, planted)).toEqual([inDocument]);
}

it('the search finds a secret in every form', () => {
  const secret = 'marked/secret+123456';
  const forms = [
    secret,
    `x${Buffer.from(`xx${secret}yyy`).toString('base64')}`,
    Buffer.from(`x${secret}yyy`).toString('base64url'),
    Buffer.from(secret, 'utf16le').toString('latin1'),
    Buffer.from(secret, 'utf16le').toString('base64'),
    Buffer.from(secret).toString('hex'),
    encodeURIComponent(secret),
    textsIn({ deep: [{ down: new Map([['a', Buffer.from(`<${secret}>`)]]) }] }),
    textsIn(new Error('outer', { cause: new Error(secret) })),
  ];
  for (const form of forms) expect(secretsIn(form, ['other', secret]), form).toEqual([secret]);
  expect(secretsIn('marked/secret-123456', [secret])).toEqual([]);
});
