import { describe, expect, it } from 'vitest';
import { captureResponse } from '../../src/oauth/capture.js';
import type { CapturedResponse } from '../../src/oauth/index.js';

const BASE = { access_token: 'at', refresh_token: 'rt', token_type: 'Bearer' };

function capture(body: unknown, httpStatus = 200): CapturedResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = { text, complete: true, delimited: true, httpStatus, elapsedMs: 1 };
  const response = captureResponse(answer);
  if (response === undefined) throw new Error('Nothing was captured.');
  return response;
}

describe('expires_in', () => {
  it.each<[string, unknown, number | null, string[]]>([
    ['a number', 3600, 3_600_000, []],
    ['a fraction', 0.5, 500, []],
    ['digits, as PayPal sends them', '3600', 3_600_000, []],
    ['missing', undefined, null, []],
    ['null', null, null, []],
    ['zero: expired at once', 0, 0, []],
    ['zero as digits', '0', 0, []],
    ['negative', -1, 0, []],
    ['digits with a tail', '3600abc', null, ['expires_in_unreadable']],
    ['a date', '2026-01-01', null, ['expires_in_unreadable']],
    ['a time', '177:05:38', null, ['expires_in_unreadable']],
    ['never', 'never', null, ['expires_in_unreadable']],
    ['hexadecimal', '0x10', null, ['expires_in_unreadable']],
    ['NaN', 'NaN', null, ['expires_in_unreadable']],
    ['an object', {}, null, ['expires_in_unreadable']],
    ['true', true, null, ['expires_in_unreadable']],
    ['an epoch in milliseconds', 1_900_000_000_000, null, ['expires_in_absurd']],
    ['1e12', 1e12, null, ['expires_in_absurd']],
    ['more digits than a number has', '9'.repeat(20), null, ['expires_in_absurd']],
  ])('is understood when it is %s', (_name, value, expiresInMs, notes) => {
    expect(capture({ ...BASE, expires_in: value })).toMatchObject({
      expiresInMs,
      notes,
      problem: null,
    });
  });
});

describe('the lifetime of the refresh token', () => {
  it.each<[Record<string, unknown>, number | 'never' | null]>([
    [{ refresh_token_expires_in: 100 }, 100_000],
    [{ refresh_token_expires_in: '15811200' }, 15_811_200_000],
    [{ refresh_expires_in: 1800 }, 1_800_000],
    [{ refresh_expires_in: 0 }, 'never'],
    [{ x_refresh_token_expires_in: 8726400 }, 8_726_400_000],
    [{ refresh_expires_in: 0, x_refresh_token_expires_in: 5 }, 5_000],
    [{ refresh_token_expires_in: 'soon' }, null],
    [{}, null],
  ])('is read from %j', (members, expected) => {
    expect(capture({ ...BASE, ...members }).refreshTokenExpiresInMs).toBe(expected);
  });
});

describe('token_type', () => {
  it.each<[unknown, string, string | null]>([
    ['Bearer', 'Bearer', null],
    ['bearer', 'Bearer', null],
    ['BEARER ', 'Bearer', null],
    [undefined, 'Bearer', null],
    [null, 'Bearer', null],
    ['', 'Bearer', null],
    ['DPoP', 'DPoP', 'token_type_unsupported'],
    ['N_A', 'N_A', 'token_type_unsupported'],
    ['mac', 'mac', 'token_type_unsupported'],
    ['Application Access Token', 'unknown', 'token_type_unsupported'],
    ['a\nb', 'unknown', 'token_type_unsupported'],
    ['x'.repeat(65), 'unknown', 'token_type_unsupported'],
    [1, 'unknown', 'token_type_unsupported'],
    [{}, 'unknown', 'token_type_unsupported'],
  ])('%j becomes %s (RFC 6749 §7.1)', (value, tokenType, problem) => {
    const response = capture({ ...BASE, token_type: value });
    expect(response).toMatchObject({ tokenType, problem });
    expect(response.refreshToken?.reveal()).toBe('rt');
  });
});

describe('scope', () => {
  it.each<[unknown, string | null, string[]]>([
    ['read write', 'read write', []],
    [' read   write ', 'read write', []],
    [['read', 'write'], 'read write', []],
    ['read,write', 'read,write', []],
    [[], null, []],
    ['', null, []],
    [null, null, []],
    [undefined, null, []],
    [{ read: true }, null, ['scope_unreadable']],
    [['read', 1], null, ['scope_unreadable']],
    ['read\nwrite', null, ['scope_unreadable']],
    ['s'.repeat(20_000), null, ['scope_unreadable']],
  ])('%j becomes %j (RFC 6749 §5.1)', (value, scope, notes) => {
    expect(capture({ ...BASE, scope: value })).toMatchObject({ scope, notes, problem: null });
  });
});

describe('an access token', () => {
  it.each<[string, unknown]>([
    ['a line break', 'a\nb'],
    ['a carriage return', 'a\r\nx-evil: 1'],
    ['a NUL', 'a\0b'],
    ['a tab', 'a\tb'],
    ['a space', 'a b'],
    ['a trailing line break', 'ab\n'],
    ['a letter beyond ASCII', 'tökén'],
    ['DEL', 'a\x7f'],
    ['a number', 12],
    ['an object', {}],
  ])('with %s is kept and must not be used (RFC 6749 A.12)', (_name, value) => {
    const response = capture({ ...BASE, access_token: value });
    expect(response.problem).toBe('access_token_unusable');
    expect(response.refreshToken?.reveal()).toBe('rt');
    expect(response.accessToken?.reveal()).toBe(typeof value === 'string' ? value : undefined);
  });

  it.each([undefined, null, ''])('that is %j is missing', (value) => {
    const response = capture({ ...BASE, access_token: value });
    expect(response).toMatchObject({ problem: 'access_token_missing', accessToken: null });
    expect(response.refreshToken?.reveal()).toBe('rt');
  });
});

describe('a refresh token', () => {
  it.each<[unknown, string[]]>([
    [undefined, []],
    [null, []],
    ['', []],
    [5, ['refresh_token_unreadable']],
    [{}, ['refresh_token_unreadable']],
  ])('that is %j leaves the old one valid (RFC 6749 §6)', (value, notes) => {
    expect(capture({ ...BASE, refresh_token: value })).toMatchObject({
      refreshToken: null,
      notes,
      problem: null,
    });
  });

  it('is saved from a place that is not understood', () => {
    const response = capture({
      ok: true,
      data: { access_token: 'a', refresh_token: 'r"\\\u00e9' },
    });
    expect(response).toMatchObject({ problem: 'access_token_missing', accessToken: null });
    expect(response.refreshToken?.reveal()).toBe('r"\\\u00e9');
  });

  it('is kept with a 2xx that is neither 200 nor 201', () => {
    expect(capture(BASE, 202)).toMatchObject({ problem: 'status_unexpected' });
  });

  it('is kept beside an error member', () => {
    expect(capture({ ...BASE, error: 'none' })).toMatchObject({
      problem: null,
      notes: ['error_member_ignored'],
    });
  });
});

describe('an odd object', () => {
  it('does not pollute and does not answer through __proto__', () => {
    const response = capture(
      '{"__proto__":{"access_token":"evil","polluted":1},"refresh_token":"rt"}',
    );
    expect(response).toMatchObject({ problem: 'access_token_missing', accessToken: null });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('with duplicate members has the last one', () => {
    const response = capture('{"access_token":"1","access_token":"2","refresh_token":"rt"}');
    expect(response.accessToken?.reveal()).toBe('2');
  });

  it('ignores members it does not know (RFC 6749 §5.1)', () => {
    expect(capture({ ...BASE, id_token: 'x', foo: [{}] }).problem).toBeNull();
  });
});

describe('the ID token of an answer', () => {
  it('is kept as it came, not looked at', () => {
    const captured = capture({ ...BASE, id_token: 'anything.at.all' });
    expect(captured.idToken?.reveal()).toBe('anything.at.all');
    expect(captured.problem).toBeNull();
  });

  it.each([undefined, null, '', 5, {}])('is none when it is %j', (value) => {
    expect(capture({ ...BASE, id_token: value }).idToken).toBeNull();
  });

  it('is not repeated by a scope that quotes it', () => {
    expect(capture({ ...BASE, id_token: 'CANARY', scope: 'read CANARY' })).toMatchObject({
      scope: null,
      notes: ['scope_unreadable'],
    });
  });
});
