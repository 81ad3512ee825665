import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readAuthorizationResponse,
  type AuthorizationResponse,
  type ExpectedAuthorizationResponse,
} from '../../src/oauth/index.js';
import { Secret } from '../../src/secret.js';

const STATE = 'kJ8s_state-of-this-request_9sKd72ls0Qm1xYz3';
const ISSUER = 'https://auth.example';
const EXPECTED: ExpectedAuthorizationResponse = {
  state: new Secret(STATE),
  issuer: ISSUER,
  issParameterSupported: true,
};

function read(
  query: string | Record<string, string>,
  different: Partial<ExpectedAuthorizationResponse> = {},
): AuthorizationResponse {
  return readAuthorizationResponse(new URLSearchParams(query), { ...EXPECTED, ...different });
}

const GOOD = { code: 'the-code', state: STATE, iss: ISSUER };

describe('an authorization response', () => {
  it('brings the code, whatever else is in it (RFC 6749 §4.1.2)', () => {
    const response = read({ ...GOOD, session_state: 'x', scope: 'read' });
    expect(response.kind === 'code' && response.code.reveal()).toBe('the-code');
    expect(inspect(response)).not.toContain('the-code');
  });

  it.each([
    'access_denied',
    'invalid_scope',
    'unauthorized_client',
    'unsupported_response_type',
    'invalid_request',
    'login_required',
    'consent_required',
  ])('says no with a code of an RFC: %s', (error) => {
    const refusal = { error, error_description: 'CANARY', state: STATE, iss: ISSUER };
    expect(read(refusal)).toEqual({ kind: 'refused', error });
  });

  it.each([
    ['temporarily_unavailable', 'server_error'],
    ['server_error', 'server_error'],
    ['CANARY<script>', 'other'],
    ['Access_Denied', 'other'],
  ])('with the error %s is reduced to %s', (error, known) => {
    const response = read({ error, error_description: 'CANARY', state: STATE, iss: ISSUER });
    expect(response).toEqual({ kind: 'refused', error: known });
  });
});

describe('a response that is not believed', () => {
  it.each([
    ['without state', { code: 'c', iss: ISSUER }, 'state_missing'],
    ['with an empty state', { ...GOOD, state: '' }, 'state_missing'],
    ['with the state of another request', { ...GOOD, state: `${STATE}x` }, 'state_mismatch'],
    ['with the state in another case', { ...GOOD, state: STATE.toUpperCase() }, 'state_mismatch'],
    ['without iss, which was promised', { code: 'c', state: STATE }, 'issuer_missing'],
    ['of another issuer', { ...GOOD, iss: 'https://evil.example' }, 'issuer_mismatch'],
    ['of an issuer with a slash more', { ...GOOD, iss: `${ISSUER}/` }, 'issuer_mismatch'],
    ['without code', { state: STATE, iss: ISSUER }, 'code_missing'],
    ['with an empty code', { ...GOOD, code: '' }, 'code_missing'],
    ['with a line break in the code', { ...GOOD, code: 'a\nb' }, 'code_unusable'],
    ['with an endless code', { ...GOOD, code: 'a'.repeat(8_193) }, 'code_unusable'],
    ['with code and error', { ...GOOD, error: 'access_denied' }, 'code_and_error'],
  ])('%s', (_what, query, problem) => {
    expect(read(query)).toEqual({ kind: 'invalid', problem });
  });

  it.each(['state', 'code', 'iss', 'error'])('with %s twice (RFC 6749 §3.1)', (name) => {
    const query = new URLSearchParams({ ...GOOD, [name]: 'one' });
    query.append(name, 'two');
    expect(read(query.toString())).toEqual({ kind: 'invalid', problem: 'parameter_repeated' });
  });

  it('says no in the name of another issuer, or to another request (RFC 9207 §2.4)', () => {
    const error = 'access_denied';
    expect(read({ error, state: STATE, iss: 'https://evil.example' })).toEqual({
      kind: 'invalid',
      problem: 'issuer_mismatch',
    });
    expect(read({ error, state: STATE })).toEqual({ kind: 'invalid', problem: 'issuer_missing' });
    expect(read({ error, iss: ISSUER })).toEqual({ kind: 'invalid', problem: 'state_missing' });
  });
});

describe('a server that does not promise iss', () => {
  const unpromised = { issParameterSupported: false };

  it('need not send it, but may not send a wrong one', () => {
    expect(read({ code: 'c', state: STATE }, unpromised).kind).toBe('code');
    expect(read({ ...GOOD, iss: 'https://evil.example' }, unpromised)).toEqual({
      kind: 'invalid',
      problem: 'issuer_mismatch',
    });
  });

  it('may send any when the connection names no issuer', () => {
    expect(read(GOOD, { ...unpromised, issuer: null }).kind).toBe('code');
  });
});

it('no query without the state brings anything to believe', () => {
  const name = fc.oneof(fc.constantFrom('code', 'state', 'iss', 'error'), fc.string());
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string())), (entries) => {
      const response = readAuthorizationResponse(new URLSearchParams(entries), EXPECTED);
      return response.kind === 'invalid';
    }),
  );
});
