import { ApplicationFailure } from '@temporalio/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CallApiResult } from '../../src/contract/messages.js';
import { StoredAccessToken } from '../../src/tokens/access-token.js';
import { apiResult, readLimited } from '../../src/tokens/api-response.js';
import { record } from '../contract/records.js';

const MIB = 1024 * 1024;
const TOKEN = 'Zk8vQ2pLw9+/x7Rt5YbN==';
const TEXT = { 'content-type': 'text/plain' };

async function resultOf(response: Response, responseHeaders: string[] = [], token = TOKEN) {
  const rules = { allowedOrigins: new Set<string>(), responseHeaders, callerWorkflowTypes: null };
  const bytes = await readLimited(response, 'superservice');
  const sent = new StoredAccessToken(record(), token);
  return apiResult({ response, bytes, rules, connectionId: 'superservice', sent });
}

async function typeOf(result: Promise<CallApiResult>): Promise<string | null | undefined> {
  try {
    await result;
    return 'returned';
  } catch (error) {
    return error instanceof ApplicationFailure ? error.type : 'something else';
  }
}

describe("an API's answer", () => {
  it.each([200, 201, 302, 401, 403, 404, 429, 500, 503])('%i is a value', async (status) => {
    const result = await resultOf(new Response('{"a":1}', { status, headers: TEXT }));
    expect(result).toEqual({ status, headers: TEXT, body: '{"a":1}' });
  });

  it('without a body is an empty text', async () => {
    expect(await resultOf(new Response(null, { status: 204 }))).toEqual({
      status: 204,
      headers: {},
      body: '',
    });
  });

  it('brings the usual headers, and those the connection names', async () => {
    const headers = {
      'content-type': 'application/json',
      etag: '"7"',
      'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT',
      location: 'https://api.superservice.com/v1/things/7',
      link: '<x>; rel="next"',
      'retry-after': '5',
      'x-request-id': '9',
      'set-cookie': 'session=1',
      'x-internal': 'no',
    };
    const result = await resultOf(new Response('{}', { headers }), ['x-request-id', 'x-absent']);
    expect(Object.keys(result.headers).sort()).toEqual([
      'content-type',
      'etag',
      'last-modified',
      'link',
      'location',
      'retry-after',
      'x-request-id',
    ]);
  });

  it.each([
    'text/html; charset=utf-8',
    'application/json',
    'application/problem+json',
    'application/xml',
    'application/atom+xml; charset="utf-8"',
    'application/x-www-form-urlencoded',
    'application/javascript',
    '',
  ])('of type %j is text', async (type) => {
    const response = new Response(new TextEncoder().encode('grüße'), {
      headers: type === '' ? {} : { 'content-type': type },
    });
    expect(await resultOf(response)).toMatchObject({ body: 'grüße' });
  });

  it('is decoded from its charset', async () => {
    const headers = { 'content-type': 'text/plain; charset=iso-8859-1' };
    const response = new Response(Buffer.from('grüße', 'latin1'), { headers });
    expect((await resultOf(response)).body).toBe('grüße');
  });

  it.each([
    ['application/octet-stream', Buffer.from('text')],
    ['image/png', Buffer.from([137, 80, 78, 71])],
    ['text/plain', Buffer.from([0xff, 0xfe, 0xfd])],
    ['text/plain; charset=made-up', Buffer.from('text')],
  ])('of type %s with bytes that are no text is base64', async (type, bytes) => {
    const response = new Response(bytes, { headers: { 'content-type': type } });
    expect(await resultOf(response)).toMatchObject({
      body: bytes.toString('base64'),
      bodyEncoding: 'base64',
    });
  });

  it('comes back as the same bytes, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const response = new Response(bytes, { headers: { 'content-type': 'application/pdf' } });
        const { body } = await resultOf(response);
        expect(Buffer.from(body, 'base64')).toEqual(Buffer.from(bytes));
      }),
    );
  });
});

describe('an answer that is too large', () => {
  it('to be returned is `Api.response_too_large`, as encoded payload', async () => {
    const returned = (size: number, fill = 'a') =>
      typeOf(resultOf(new Response(fill.repeat(size), { headers: TEXT })));
    expect(await returned(MIB - 1_000)).toBe('returned');
    expect(await returned(MIB)).toBe('Api.response_too_large');
    expect(await returned(MIB / 2, '"')).toBe('Api.response_too_large');
    const binary = new Response(Buffer.alloc(MIB * 0.8), { headers: { 'content-type': 'a/b' } });
    expect(await typeOf(resultOf(binary))).toBe('Api.response_too_large');
  });

  it('is not read to its end', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1;
        controller.enqueue(new Uint8Array(64 * 1024));
      },
    });
    expect(await typeOf(resultOf(new Response(endless)))).toBe('Api.response_too_large');
    expect(sent).toBeLessThan(30);
  });
});

describe('an answer that contains the token sent', () => {
  const quoted: [string, Response][] = [
    ['as it is', new Response(`you sent ${TOKEN}`)],
    ['in a URL', new Response(`/x?t=${encodeURIComponent(TOKEN)}`, { headers: TEXT })],
    ['as JSON', Response.json({ request: { authorization: `Bearer ${TOKEN}` } })],
    ['as JSON with every character escaped', new Response(escaped(TOKEN), { headers: TEXT })],
    ['in a header that is returned', new Response('', { headers: { location: `/?${TOKEN}` } })],
    ['in UTF-16', utf16(TOKEN)],
    ['in binary', new Response(`\u0000${TOKEN}`, { headers: { 'content-type': 'a/b' } })],
  ];

  it.each(quoted)('(%s) is not returned: `Policy.secret_in_response`', async (_how, response) => {
    expect(await typeOf(resultOf(response))).toBe('Policy.secret_in_response');
  });

  it('in base64 or base64url is not returned, whatever stands around it', async () => {
    const token = fc.stringMatching(/^[A-Za-z0-9._~+/-]{18,60}={0,2}$/);
    const around = fc.string({ maxLength: 9 });
    const alphabet = fc.constantFrom('base64' as const, 'base64url' as const);
    await fc.assert(
      fc.asyncProperty(token, around, around, alphabet, async (text, before, after, how) => {
        const body = Buffer.from(`${before}${text}${after}`).toString(how);
        const response = new Response(body, { headers: TEXT });
        expect(await typeOf(resultOf(response, [], text))).toBe('Policy.secret_in_response');
      }),
    );
  });

  it('in a header that is not returned is returned', async () => {
    const response = new Response('ok', { headers: { ...TEXT, 'x-echo': TOKEN } });
    expect(await typeOf(resultOf(response))).toBe('returned');
  });
});

function escaped(text: string): string {
  const units = [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `{"token":"${units.join('')}"}`;
}

function utf16(text: string): Response {
  const headers = { 'content-type': 'text/plain; charset=utf-16le' };
  return new Response(Buffer.from(`you sent ${text}`, 'utf16le'), { headers });
}
