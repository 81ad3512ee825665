import { ApplicationFailure } from '@temporalio/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CallApiInput } from '../../src/contract/messages.js';
import { checkApiCall } from '../../src/tokens/api-request.js';

const CALL: CallApiInput = {
  connectionId: 'superservice',
  method: 'GET',
  url: 'https://api.superservice.com/v1/things?page=2',
};
const call = (different: object) => ({ ...CALL, ...different });

function failureOf(input: CallApiInput): ApplicationFailure {
  try {
    checkApiCall(input);
  } catch (error) {
    if (error instanceof ApplicationFailure) return error;
    throw error;
  }
  throw new Error('Nothing was thrown.');
}

describe('an API call', () => {
  it('needs a connection, a method and a URL', () => {
    expect(checkApiCall(CALL)).toEqual({
      connectionId: 'superservice',
      method: 'GET',
      url: new URL(CALL.url),
      headers: {},
      body: undefined,
      timeoutMs: 30_000,
      repeatable: true,
    });
  });

  it('may have headers, a body and a time limit; unknown members are ignored', () => {
    const checked = checkApiCall(
      call({ method: 'post', headers: { 'X-Trace': 'ü' }, body: '{}', timeoutMs: 500, later: 1 }),
    );
    expect(checked).toMatchObject({ method: 'POST', body: '{}', timeoutMs: 500 });
    expect(checked.headers).toEqual({ 'X-Trace': 'ü' });
    expect(checked).not.toHaveProperty('later');
  });

  it('may name absent members as null, as other languages do', () => {
    const nulls = { headers: null, body: null, bodyEncoding: null, timeoutMs: null };
    expect(checkApiCall(call(nulls))).toEqual(checkApiCall(CALL));
  });

  it('may have a body of any bytes, as base64', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const body = Buffer.from(bytes).toString('base64');
        const checked = checkApiCall(call({ method: 'PUT', body, bodyEncoding: 'base64' }));
        expect(checked.body).toEqual(new Uint8Array(bytes));
      }),
    );
  });

  it.each([
    ['GET', {}, true],
    ['head', {}, true],
    ['OPTIONS', {}, true],
    ['PUT', {}, true],
    ['DELETE', {}, true],
    ['POST', {}, false],
    ['PATCH', {}, false],
    ['PURGE', {}, false],
    ['POST', { 'IDEMPOTENCY-Key': '7' }, true],
  ])('%s with headers %j may be repeated: %s (RFC 9110 §9.2.2)', (method, headers, repeatable) => {
    expect(checkApiCall(call({ method, headers })).repeatable).toBe(repeatable);
  });
});

describe('an API call that is wrong', () => {
  it.each([
    ['connectionId', { connectionId: 'a/b' }],
    ['method', { method: 'G ET' }],
    ['method', { method: 7 }],
    ['method', { method: 'CONNECT' }],
    ['method', { method: 'trace' }],
    ['url', { url: '/v1/things' }],
    ['url', { url: undefined }],
    ['headers', { headers: ['a'] }],
    ['headers', { headers: 'a' }],
    ['headers', { headers: { 'a b': 'c' } }],
    ['headers.x-a', { headers: { 'x-a': 'b\r\nc' } }],
    ['headers.x-a', { headers: { 'x-a': '\u0000' } }],
    ['headers.x-a', { headers: { 'x-a': '€' } }],
    ['headers.x-a', { headers: { 'x-a': 7 } }],
    ['body', { body: 'x' }],
    ['body', { method: 'POST', body: { a: 1 } }],
    ['body', { method: 'POST', body: '###', bodyEncoding: 'base64' }],
    ['bodyEncoding', { method: 'POST', body: 'x', bodyEncoding: 'hex' }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: Infinity }],
    ['timeoutMs', { timeoutMs: '5s' }],
    ['timeoutMs', { timeoutMs: 3_600_001 }],
  ])('in its %s (%j) is `Connection.invalid` and says which', (field, different) => {
    const thrown = failureOf(call(different));
    expect(thrown).toMatchObject({ type: 'Connection.invalid', nonRetryable: true });
    expect(thrown.message).toContain(`${field}: `);
  });

  it('says everything at once', () => {
    const { message } = failureOf(call({ method: '', url: 'x', timeoutMs: -1 }));
    for (const field of ['method: ', 'url: ', 'timeoutMs: ']) expect(message).toContain(field);
  });

  it('never quotes what was to be sent', () => {
    const secret = 'planted-secret-4f9c2e81d7';
    for (const different of [
      { url: secret },
      { headers: { 'x-a': `${secret}\n` } },
      { body: secret },
      { method: secret },
      { method: 'POST', body: `${secret}#`, bodyEncoding: 'base64' },
    ]) {
      expect(failureOf(call(different)).message).not.toContain(secret);
    }
  });
});

describe('a header that the package sets itself', () => {
  it.each([
    'authorization',
    'proxy-authorization',
    'cookie',
    'host',
    'connection',
    'content-length',
    'transfer-encoding',
  ])('%s is refused, however it is written', (name) => {
    for (const written of [name, name.toUpperCase(), name.replace(/^./, (c) => c.toUpperCase())]) {
      const thrown = failureOf(call({ headers: { [written]: 'x' } }));
      expect(thrown).toMatchObject({ type: 'Policy.header_not_allowed', nonRetryable: true });
      expect(thrown.message).toContain(name);
    }
  });
});
