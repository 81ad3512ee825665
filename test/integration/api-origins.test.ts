/** Where a token may go (design §8), counted at a second server that must never get one. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { TokenSource } from '../../src/tokens/index.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { failureOf } from './expected-failure.js';
import { sendJson, startRecordingServer, type RecordingServer } from './recording-server.js';

let system: TokenSystem;
let api: RecordingServer;
let elsewhere: RecordingServer;
let tokens: TokenSource;
let id: string;

beforeAll(async () => {
  system = await startTokenSystem();
  elsewhere = await startRecordingServer((_, response) => sendJson(response, 200, {}));
  api = await startRecordingServer(({ path }, response) => {
    const status = Number(/^\/redirect-(\d+)/.exec(path)?.[1] ?? 200);
    response.writeHead(status, status === 200 ? {} : { location: `${elsewhere.origin}/stolen` });
    response.end();
  });
  await system.startWorker();
  const file = system.connectionFile('origins', { api: { allowedOrigins: [api.origin] } });
  await system.put(file);
  id = file.connectionId;
  tokens = system.source();
});
afterAll(async () => {
  await system.close();
  await api.stop();
  await elsewhere.stop();
});
beforeEach(() => {
  api.received.length = 0;
});

it('refuses other origins, user names in URLs and forbidden networks before any token exists', async () => {
  const overPublic = system.source({ network: 'public' });
  const withName = api.origin.replace('http://', 'http://user:pass@');
  const elsewhereUrl = `${elsewhere.origin}/things`;
  const attempts = [
    [tokens, elsewhereUrl, 'Policy.origin_not_allowed'],
    [tokens, api.origin.replace('127.0.0.1', 'localhost'), 'Policy.origin_not_allowed'],
    [tokens, 'file:///etc/passwd', 'Policy.origin_not_allowed'],
    [tokens, `${withName}/things`, 'Policy.network_not_allowed'],
    [overPublic, `${api.origin}/things`, 'Policy.network_not_allowed'],
    [tokens, 'not a url', 'Connection.invalid'],
  ] as const;
  for (const [source, url, type] of attempts) {
    const failure = await failureOf(source.fetch(id, url));
    expect(failure, url).toMatchObject({ type, nonRetryable: true });
    expect(failure.message).not.toContain('pass@');
  }
  expect(elsewhere.received).toEqual([]);
  expect(api.received).toEqual([]);
  expect(system.authorizationServer.countTokenRequests()).toBe(0);
});

it("does not take a caller's own authorization header", async () => {
  for (const headers of [
    { Authorization: 'Bearer mine' },
    [['AUTHORIZATION', 'x']] as [string, string][],
  ]) {
    const failure = await failureOf(tokens.fetch(id, `${api.origin}/things`, { headers }));
    expect(failure).toMatchObject({ type: 'Policy.header_not_allowed', nonRetryable: true });
    expect(failure.message).not.toContain('mine');
  }
  expect(api.received).toEqual([]);
});

it.each([301, 302, 303, 307, 308])(
  'returns a %i to another origin, and no token goes there',
  async (status) => {
    for (const init of [{}, { method: 'POST', body: 'x', redirect: 'follow' as const }]) {
      const response = await tokens.fetch(id, `${api.origin}/redirect-${status}`, init);
      expect(response.status).toBe(status);
      expect(response.headers.get('location')).toBe(`${elsewhere.origin}/stolen`);
    }
    expect(api.received.map(({ method }) => method)).toEqual(['GET', 'POST']);
    expect(elsewhere.received).toEqual([]);
  },
);

it('sends the token to an allowed origin, which shows that the server can be reached at all', async () => {
  expect((await tokens.fetch(id, `${api.origin}/things`)).status).toBe(200);
  expect(api.received[0]?.headers.authorization).toMatch(/^Bearer \S+$/);
});
