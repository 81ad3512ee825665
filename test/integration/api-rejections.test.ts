/** What a 401 and a 403 of the API lead to (design §5.7), counted at the authorization server. */
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { TokenSource } from '../../src/tokens/index.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { failureOf } from './expected-failure.js';
import { sendJson, startRecordingServer, type RecordingServer } from './recording-server.js';
import { startScriptedTokens, type ScriptedTokens } from './scripted-tokens.js';

let system: TokenSystem;
let authorization: ScriptedTokens;
let api: RecordingServer;
let connections = 0;

beforeAll(async () => {
  system = await startTokenSystem();
  authorization = await startScriptedTokens();
  api = await startRecordingServer(({ path, headers }, response) => {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    const refused = path.startsWith('/always-401') || !authorization.isActive(token);
    const status = path.startsWith('/403') ? 403 : refused ? 401 : 200;
    sendJson(response, status, { status });
  });
  await system.startWorker();
});
afterAll(async () => {
  await system.close();
  await authorization.stop();
  await api.stop();
});
beforeEach(() => {
  authorization.requests.length = 0;
  api.received.length = 0;
});

/** A connection of the test's own, and the token sources of so many processes. */
async function connect(processes: number) {
  const file = system.connectionFile(`rejected-${(connections += 1)}`, {
    authorizationServer: { tokenEndpoint: authorization.tokenEndpoint },
    api: { allowedOrigins: [api.origin] },
  });
  await system.put(file);
  const sources = Array.from({ length: processes }, () => system.source());
  function source(call = 0): TokenSource {
    const chosen = sources[call % processes];
    if (chosen === undefined) throw new Error('There is no such process.');
    return chosen;
  }
  return { id: file.connectionId, source };
}

/** The most often that one URL was sent. */
function mostOftenSent(): number {
  const counts = new Map<string, number>();
  for (const { path } of api.received) counts.set(path, (counts.get(path) ?? 0) + 1);
  return Math.max(...counts.values());
}

it('refreshes once for 100 concurrent callers in two processes, and sends each call at most twice', async () => {
  const { id, source } = await connect(2);
  for (const process of [0, 1]) await source(process).getAccessToken(id);
  expect(authorization.requests).toHaveLength(1);
  authorization.endAll();
  const responses = await Promise.all(
    Array.from({ length: 100 }, (_, call) =>
      source(call).fetch(id, `${api.origin}/things?call=${call}`),
    ),
  );
  expect(responses.map(({ status }) => status)).toEqual(Array(100).fill(200));
  expect(authorization.requests).toHaveLength(2);
  expect(mostOftenSent()).toBe(2);
  expect(api.received.length).toBeLessThanOrEqual(200);
});

it('serves a late caller that saw the refused token, without another token request', async () => {
  const { id, source } = await connect(1);
  const first = await source().getAccessToken(id);
  authorization.endAll();
  await source().fetch(id, `${api.origin}/things`);
  const late = await source().getAccessToken(id, { rejectedGeneration: first.generation });
  expect(late.generation).toBe(2);
  expect(authorization.requests).toHaveLength(2);
});

it('makes at most two token requests for an API that always says 401, and every caller learns of it', async () => {
  const { id, source } = await connect(2);
  const outcomes: unknown[] = [];
  for (let wave = 0; wave < 10; wave += 1) {
    const calls = Array.from({ length: 20 }, async (_, call) => {
      const url = `${api.origin}/always-401?call=${wave}.${call}`;
      return source(call)
        .fetch(id, url)
        .catch((error: unknown) => error);
    });
    outcomes.push(...(await Promise.all(calls)));
  }
  expect(outcomes).toHaveLength(200);
  for (const outcome of outcomes) {
    if (outcome instanceof Response) {
      expect(outcome.status).toBe(401);
      continue;
    }
    if (!(outcome instanceof ApplicationFailure)) throw outcome;
    expect(outcome).toMatchObject({ type: 'Token.rejected', nonRetryable: false });
    // The next request that a rejection may lead to is at most 30 s away, plus up to 10 %.
    expect(outcome.nextRetryDelay).toBeGreaterThan(20_000);
    expect(outcome.nextRetryDelay).toBeLessThanOrEqual(33_000);
  }
  expect(authorization.requests).toHaveLength(2);
  expect(mostOftenSent()).toBeLessThanOrEqual(2);
  // Nothing goes on in the background, and the API is left alone meanwhile.
  const received = api.received.length;
  const status = await system.client.workflow.getHandle(`oauth-token/${id}`).query('status');
  expect(status).toMatchObject({ generation: 2 });
  await expect(source().fetch(id, `${api.origin}/always-401?late`)).rejects.toMatchObject({
    type: 'Token.rejected',
  });
  expect(api.received).toHaveLength(received);
  expect(authorization.requests).toHaveLength(2);
});

it("repeats a failed request of a rejection by that failure's own pause", async () => {
  const { id, source } = await connect(1);
  await source().getAccessToken(id);
  authorization.endAll();
  authorization.answer = (_, response) => {
    authorization.answer = null;
    sendJson(response, 503, {});
  };
  const failed = await failureOf(source().fetch(id, `${api.origin}/things`));
  expect(failed).toMatchObject({ type: 'OAuth.server_error', nonRetryable: false });
  const fetched = async (): Promise<number | undefined> =>
    (await source().fetch(id, `${api.origin}/things`))?.status;
  // Not the 30 s that lie between two rejections.
  await expect.poll(fetched, { timeout: 15_000, interval: 200 }).toBe(200);
  expect(authorization.requests).toHaveLength(3);
});

it('never refreshes for a 403', async () => {
  const { id, source } = await connect(1);
  const calls = Array.from({ length: 20 }, () => source().fetch(id, `${api.origin}/403`));
  const statuses = (await Promise.all(calls)).map(({ status }) => status);
  expect(statuses).toEqual(Array(20).fill(403));
  expect(authorization.requests).toHaveLength(1);
  expect(api.received).toHaveLength(20);
});

it('refreshes for a stream body but does not send it again: the 401 is returned', async () => {
  const { id, source } = await connect(1);
  await source().getAccessToken(id);
  authorization.endAll();
  const stream = new Blob(['a long upload']).stream();
  const init = { method: 'POST', body: stream, duplex: 'half' } as RequestInit;
  const refused = await source().fetch(id, `${api.origin}/upload`, init);
  expect(refused.status).toBe(401);
  expect(await refused.json()).toEqual({ status: 401 });
  expect(api.receivedAt('/upload').map(({ body }) => body.toString())).toEqual(['a long upload']);
  expect(authorization.requests).toHaveLength(2);
  expect((await source().fetch(id, `${api.origin}/things`))?.status).toBe(200);
  expect(authorization.requests).toHaveLength(2);
});

it.each<[string, () => RequestInit['body'], string]>([
  ['text', () => 'text', 'text'],
  ['bytes', () => new TextEncoder().encode('bytes'), 'bytes'],
  ['parameters', () => new URLSearchParams({ a: '1' }), 'a=1'],
  ['a blob', () => new Blob(['blob']), 'blob'],
])('sends %s again with the new token', async (_, body, text) => {
  const { id, source } = await connect(1);
  await source().getAccessToken(id);
  authorization.endAll();
  const init = { method: 'PUT', body: body() ?? null };
  const response = await source().fetch(id, `${api.origin}/again`, init);
  expect(response.status).toBe(200);
  expect(api.receivedAt('/again').map((sent) => sent.body.toString())).toEqual([text, text]);
});
