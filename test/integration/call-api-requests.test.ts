/** Contract §5, row by row: what `callApi` sends, and what becomes of a request without an answer. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { apiRulesOf, executeApiCall, type TokenSource } from '../../src/tokens/index.js';
import { startProxy, unusedPort } from '../oauth/servers.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { failureOf } from './expected-failure.js';
import { sendJson, startRecordingServer, type RecordingServer } from './recording-server.js';
import { startScriptedTokens, type ScriptedTokens } from './scripted-tokens.js';

// A name that is nobody's (RFC 2606).
const FAR_AWAY = 'https://api.example.com';

let system: TokenSystem;
let authorization: ScriptedTokens;
let api: RecordingServer;
let tokens: TokenSource;
let id: string;
let nobody: string;

beforeAll(async () => {
  system = await startTokenSystem();
  authorization = await startScriptedTokens();
  api = await startRecordingServer(({ path, headers }, response) => {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    if (path === '/silent') return;
    if (path === '/broken') return void response.destroy();
    if (!authorization.isActive(token)) return sendJson(response, 401, {});
    response.writeHead(Number(/^\/status-(\d+)/.exec(path)?.[1] ?? 200)).end();
  });
  nobody = `http://127.0.0.1:${await unusedPort()}`;
  await system.startWorker();
  const file = system.connectionFile('requests', {
    authorizationServer: { tokenEndpoint: authorization.tokenEndpoint },
    api: { allowedOrigins: [api.origin, nobody, FAR_AWAY] },
  });
  await system.put(file);
  id = file.connectionId;
  tokens = system.source();
  await tokens.getAccessToken(id);
});
afterAll(async () => {
  await system.close();
  await authorization.stop();
  await api.stop();
});
beforeEach(() => {
  api.received.length = 0;
});

/** Whatever a caller in any language sends as input. */
function call(input: Record<string, unknown>, source = tokens) {
  const rules = apiRulesOf({
    api: { allowedOrigins: [api.origin, nobody, FAR_AWAY], responseHeaders: [], callers: null },
  });
  const whole = { connectionId: id, method: 'GET', url: `${api.origin}/things`, ...input };
  return executeApiCall(source, rules, whole);
}

it.each([
  'authorization',
  'Proxy-Authorization',
  'COOKIE',
  'host',
  'Connection',
  'content-length',
  'Transfer-Encoding',
])('refuses the request header %s and sends nothing', async (name) => {
  const failure = await failureOf(call({ headers: { accept: 'text/plain', [name]: 'mine' } }));
  expect(failure).toMatchObject({ type: 'Policy.header_not_allowed', nonRetryable: true });
  expect(failure.message).toContain(name.toLowerCase());
  expect(failure.message).not.toContain('mine');
  expect(api.received).toEqual([]);
});

it('sends method, headers and a text body as they are, with the token', async () => {
  const headers = { 'content-type': 'application/json', 'X-Trace': 'a b' };
  await call({ method: 'post', headers, body: '{"ä":1}' });
  expect(api.received).toHaveLength(1);
  expect(api.received[0]).toMatchObject({
    method: 'POST',
    path: '/things',
    headers: {
      'content-type': 'application/json',
      'x-trace': 'a b',
      authorization: `Bearer ${authorization.accessTokens[0]}`,
    },
  });
  expect(api.received[0]?.body.toString()).toBe('{"ä":1}');
});

it('sends a base64 body as bytes', async () => {
  const bytes = Buffer.from([0, 255, 128, 10]);
  await call({ method: 'PUT', body: bytes.toString('base64'), bodyEncoding: 'base64' });
  expect(api.received[0]?.body).toEqual(bytes);
});

it('names every wrong field of an input at once, and sends nothing', async () => {
  const wrong = {
    method: 'GE T',
    url: '/things',
    headers: { 'x y': '1', 'x-lines': 'a\nb' },
    body: 5,
    bodyEncoding: 'hex',
    timeoutMs: -1,
  };
  const failure = await failureOf(call(wrong));
  expect(failure).toMatchObject({ type: 'Connection.invalid', nonRetryable: true });
  for (const field of [
    'method:',
    'url:',
    'headers:',
    'headers.x-lines:',
    'body:',
    'bodyEncoding:',
  ]) {
    expect(failure.message).toContain(field);
  }
  expect(failure.message).toContain('timeoutMs:');
  expect((await failureOf(call({ body: 'x' }))).message).toContain('body: must be absent with GET');
  expect((await failureOf(call({ headers: ['x'] }))).message).toContain('headers:');
  expect((await failureOf(call({ method: 'TRACK' }))).message).toContain('method:');
  const expects = await failureOf(call({ headers: { expect: '100-continue' } }));
  expect(expects).toMatchObject({ type: 'Connection.invalid', nonRetryable: true });
  expect(api.received).toEqual([]);
});

it('takes members that are null as absent, and ignores members it does not know', async () => {
  const absent = { headers: null, body: null, bodyEncoding: null, timeoutMs: null };
  expect(await call({ ...absent, retries: 5, later: {} })).toMatchObject({ status: 200 });
});

it('refuses a URL on another origin', async () => {
  const failure = await failureOf(call({ url: system.api.origin }));
  expect(failure).toMatchObject({ type: 'Policy.origin_not_allowed', nonRetryable: true });
  expect(system.api.requests).toEqual([]);
});

it.each([
  ['POST', {}, 'Api.outcome_unknown', true],
  ['PATCH', {}, 'Api.outcome_unknown', true],
  ['POST', { 'Idempotency-Key': '1' }, 'Api.unreachable', false],
  ['GET', {}, 'Api.unreachable', false],
  ['PUT', {}, 'Api.unreachable', false],
  ['DELETE', {}, 'Api.unreachable', false],
])(
  'ends a %s with %j that was sent and not answered as %s',
  async (method, headers, type, final) => {
    const startedAt = performance.now();
    for (const path of ['/silent', '/broken']) {
      const url = `${api.origin}${path}`;
      const failure = await failureOf(call({ method, headers, url, timeoutMs: 150 }));
      expect(failure, path).toMatchObject({ type, nonRetryable: final });
    }
    // `timeoutMs` holds: the default would be 30 s.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(api.receivedAt('/silent')).toHaveLength(1);
    expect(api.receivedAt('/broken')).toHaveLength(1);
  },
);

it.each(['GET', 'POST'])(
  'retries a %s whose connection was refused: nothing was sent',
  async (method) => {
    const failure = await failureOf(call({ method, url: `${nobody}/things` }));
    expect(failure).toMatchObject({ type: 'Api.unreachable', nonRetryable: false });
  },
);

it('retries a POST for which the proxy made no tunnel: nothing was sent', async () => {
  const proxy = await startProxy('refuse');
  const behindProxy = system.source({ proxy: proxy.origin });
  const input = { method: 'POST', url: `${FAR_AWAY}/things` };
  const failure = await failureOf(call(input, behindProxy));
  expect(failure).toMatchObject({ type: 'Api.unreachable', nonRetryable: false });
  expect(proxy.received).toHaveLength(1);
});

it('returns every status as a value, with and without a body', async () => {
  for (const status of [200, 201, 204, 205, 301, 304, 400, 403, 404, 409, 418, 429, 500, 503]) {
    const result = await call({ url: `${api.origin}/status-${status}` });
    expect(result).toEqual({ status, headers: {}, body: '' });
  }
  expect(await call({ method: 'HEAD' })).toEqual({ status: 200, headers: {}, body: '' });
});

it('does not take a POST that was refused with 401 for one of unknown outcome', async () => {
  authorization.endAll();
  let proceed = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    authorization.answer = async (form, response) => {
      resolve();
      await new Promise<void>((go) => (proceed = go));
      authorization.answer = null;
      authorization.issue(form, response);
    };
  });
  const called = failureOf(call({ method: 'POST', body: 'once', timeoutMs: 500 }));
  await arrived;
  const failure = await called;
  expect(failure).toMatchObject({ type: 'Token.refresh_in_progress', nonRetryable: false });
  proceed();
  await expect.poll(() => authorization.accessTokens.length).toBe(2);
  expect(await call({ method: 'POST', body: 'once' })).toMatchObject({ status: 200 });
  expect(api.received.map(({ headers }) => headers.authorization)).toEqual(
    authorization.accessTokens.map((token) => `Bearer ${token}`),
  );
});

it('asks for no token when the network setting refuses the address', async () => {
  const file = system.connectionFile('never-issued', {
    authorizationServer: { tokenEndpoint: authorization.tokenEndpoint },
    api: { allowedOrigins: [api.origin] },
  });
  await system.put(file);
  const before = authorization.requests.length;
  const overPublic = system.source({ network: 'public' });
  const failure = await failureOf(call({ connectionId: file.connectionId }, overPublic));
  expect(failure).toMatchObject({ type: 'Policy.network_not_allowed', nonRetryable: true });
  expect(authorization.requests).toHaveLength(before);
});
