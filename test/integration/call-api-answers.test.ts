/** Contract §5, row by row: what `callApi` returns. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CallApiResult } from '../../src/contract/messages.js';
import { apiRulesOf, executeApiCall, type TokenSource } from '../../src/tokens/index.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { failureOf } from './expected-failure.js';
import { sendJson, startRecordingServer, type RecordingServer } from './recording-server.js';

// As some servers make them: with characters that JSON, URLs and base64 write in other ways.
const TOKEN = 'marked+access/token~~~?>==';

let system: TokenSystem;
let authorization: RecordingServer;
let api: RecordingServer;
let tokens: TokenSource;
let id: string;
let answer: { status?: number; headers?: Record<string, string>; body?: string | Buffer } = {};

beforeAll(async () => {
  system = await startTokenSystem();
  authorization = await startRecordingServer((_, response) =>
    sendJson(response, 200, { access_token: TOKEN, token_type: 'Bearer', expires_in: 3_600 }),
  );
  api = await startRecordingServer((_, response) => {
    response.writeHead(answer.status ?? 200, answer.headers).end(answer.body ?? '');
  });
  await system.startWorker();
  const file = system.connectionFile('answers', {
    authorizationServer: { tokenEndpoint: `${authorization.origin}/token` },
    api: { allowedOrigins: [api.origin] },
  });
  await system.put(file);
  id = file.connectionId;
  tokens = system.source();
});
afterAll(async () => {
  await system.close();
  await authorization.stop();
  await api.stop();
});

function call(given: typeof answer): Promise<CallApiResult> {
  answer = given;
  const responseHeaders = ['x-request-id', 'x-leak'];
  const rules = apiRulesOf({
    api: { allowedOrigins: [api.origin], responseHeaders, callers: null },
  });
  const input = { connectionId: id, method: 'GET', url: `${api.origin}/things` };
  return executeApiCall(tokens, rules, input);
}

const typed = (contentType: string): Record<string, string> => ({ 'content-type': contentType });

it('returns the listed headers, those of api.responseHeaders, and no others', async () => {
  const returned = {
    'content-type': 'application/json',
    etag: '"1"',
    'last-modified': 'Tue, 01 Sep 2026 10:00:00 GMT',
    location: '/v1/things/1',
    link: '</v1/things?page=2>; rel="next"',
    'retry-after': '3',
    'x-request-id': 'r-1',
  };
  const others = { 'set-cookie': 'session=1', 'x-other': 'o', 'www-authenticate': 'Bearer' };
  const result = await call({ headers: { ...returned, ...others }, body: '{}' });
  expect(result).toEqual({ status: 200, headers: returned, body: '{}' });
});

it.each([
  ['text/plain; charset=utf-8', Buffer.from('Grüße, 世界'), 'Grüße, 世界'],
  ['application/problem+json', Buffer.from('{"ü":1}'), '{"ü":1}'],
  ['application/xml', Buffer.from('<a/>'), '<a/>'],
  ['application/x-www-form-urlencoded', Buffer.from('a=1'), 'a=1'],
  ['text/html; charset="ISO-8859-1"', Buffer.from('Grüße', 'latin1'), 'Grüße'],
  ['text/plain;charset=utf-16le', Buffer.from('Grüße', 'utf16le'), 'Grüße'],
  ['text/plain; charset=shift_jis', Buffer.from([0x93, 0xfa, 0x96, 0x7b]), '日本'],
  ['', Buffer.from('no content type'), 'no content type'],
])('returns text of type "%s" as text', async (type, body, text) => {
  const result = await call({ headers: type === '' ? {} : typed(type), body });
  expect(result).toEqual({ status: 200, headers: type === '' ? {} : typed(type), body: text });
});

it.each([
  ['application/octet-stream', Buffer.from('looks like text')],
  ['image/png', Buffer.from([0x89, 0x50, 0x4e, 0x47])],
  ['text/plain; charset=utf-8', Buffer.from([0xff, 0xfe, 0x41])],
  ['text/plain; charset=klingon', Buffer.from('Qapla')],
  ['', Buffer.from([0, 159, 146, 150])],
])('returns bytes of type "%s" as base64', async (type, body) => {
  const result = await call({ headers: type === '' ? {} : typed(type), body });
  expect(result.bodyEncoding).toBe('base64');
  expect(Buffer.from(result.body, 'base64')).toEqual(body);
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const charCode = (char: string): string => char.charCodeAt(0).toString(16);

it.each<[string, typeof answer]>([
  ['as it is', { body: `{"authorization":"Bearer ${TOKEN}"}` }],
  ['in an error page', { status: 500, headers: typed('text/html'), body: `<p>${TOKEN}</p>` }],
  ['among bytes', { headers: typed('image/png'), body: Buffer.from(`\x89PNG${TOKEN}`) }],
  [
    'in UTF-16',
    { headers: typed('text/plain; charset=utf-16le'), body: Buffer.from(TOKEN, 'utf16le') },
  ],
  ['in a listed header', { headers: { location: `/login?token=${TOKEN}` } }],
  ['in a header of api.responseHeaders', { headers: { 'x-leak': TOKEN } }],
  ['escaped in a URL', { headers: { location: `/login?token=${encodeURIComponent(TOKEN)}` } }],
  ['escaped in a URL, in small letters', { body: encodeURIComponent(TOKEN).toLowerCase() }],
  ['in JSON with escaped slashes', { body: JSON.stringify(TOKEN).replaceAll('/', '\\/') }],
  [
    'in JSON with escaped signs',
    { body: TOKEN.replaceAll(/[+/]/g, (char) => `\\u00${charCode(char)}`) },
  ],
  ['in base64', { body: base64(TOKEN) }],
  ['in base64 with something before it', { body: base64(`1Bearer ${TOKEN}, more`) }],
  ['in base64 with two more before it', { body: base64(`12Bearer ${TOKEN}, more`) }],
  ['in base64url', { body: Buffer.from(`Bearer ${TOKEN}`).toString('base64url') }],
  ['in a base64 header', { headers: { etag: `"${base64(`Bearer ${TOKEN}`)}"` } }],
])('does not return an answer that holds the token %s', async (_, given) => {
  const failure = await failureOf(call(given));
  expect(failure).toMatchObject({ type: 'Policy.secret_in_response', nonRetryable: true });
  expect(JSON.stringify(failure)).not.toContain('marked');
});

it('returns an answer that holds the token only in a header that is not returned', async () => {
  expect(await call({ headers: { 'x-echo': TOKEN } })).toEqual({
    status: 200,
    headers: {},
    body: '',
  });
});

const MIB = 1024 * 1024;

it.each<[string, typeof answer]>([
  ['a large text', { body: 'x'.repeat(MIB) }],
  ['a text that JSON makes larger', { body: '"'.repeat(MIB * 0.6) }],
  [
    'bytes that base64 makes larger',
    { headers: typed('image/png'), body: Buffer.alloc(MIB * 0.8) },
  ],
  ['a very large answer', { headers: typed('image/png'), body: Buffer.alloc(8 * MIB) }],
])('refuses %s', async (_, given) => {
  const failure = await failureOf(call(given));
  expect(failure).toMatchObject({ type: 'Api.response_too_large', nonRetryable: true });
});

it('returns what still fits', async () => {
  const body = 'x'.repeat(MIB - 100);
  expect((await call({ body })).body).toHaveLength(body.length);
});
