import { createHash, timingSafeEqual } from 'node:crypto';
import { registerSecret } from '../known-secrets.js';
import { Secret } from '../secret.js';
import { isOAuthErrorCode, isTemporaryErrorCode, type OAuthErrorCode } from './error-codes.js';

/** What the answer of the one authorization request that was made has to be like. */
export interface ExpectedAuthorizationResponse {
  /** The request's own. */
  readonly state: Secret;
  /** Who was asked; null: the connection does not say, so that nothing can be compared. */
  readonly issuer: string | null;
  /** Its metadata says that each of its answers names the issuer (RFC 9207 §3). */
  readonly issParameterSupported: boolean;
}

/** What an authorization response says. */
export type AuthorizationResponse =
  /** The person consented; the code can be redeemed once. */
  | { readonly kind: 'code'; readonly code: Secret }
  /** The server says no. */
  | { readonly kind: 'refused'; readonly error: OAuthErrorCode | 'server_error' | 'other' }
  /** It is no answer to this request, and nothing in it is believed. */
  | { readonly kind: 'invalid'; readonly problem: AuthorizationResponseProblem };

/**
 * Why a response is not believed.
 *
 * - `parameter_repeated`: `state`, `iss`, `code` or `error` twice (RFC 6749 §3.1).
 * - `state_missing`, `state_mismatch`: not an answer to this request (RFC 6749 §10.12).
 * - `issuer_missing`, `issuer_mismatch`: another server may have sent it (RFC 9207 §2.4).
 * - `code_and_error`: both at once.
 * - `code_missing`: neither.
 * - `code_unusable`: not a text of visible ASCII characters (RFC 6749 A.11).
 */
export type AuthorizationResponseProblem =
  | 'parameter_repeated'
  | 'state_missing'
  | 'state_mismatch'
  | 'issuer_missing'
  | 'issuer_mismatch'
  | 'code_and_error'
  | 'code_missing'
  | 'code_unusable';

const READ = ['state', 'iss', 'code', 'error'];

/**
 * Judges the query that a browser came back with. What the server wrote about an error is not read:
 * only a code that an RFC defines is repeated. Unknown parameters are ignored (RFC 6749 §4.1.2).
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-4.1.2
 * @see https://www.rfc-editor.org/rfc/rfc9207.html#section-2.4
 */
export function readAuthorizationResponse(
  parameters: URLSearchParams,
  expected: ExpectedAuthorizationResponse,
): AuthorizationResponse {
  const problem = problemOf(parameters, expected);
  if (problem !== null) return { kind: 'invalid', problem };
  const error = valueOf(parameters, 'error');
  const code = valueOf(parameters, 'code');
  if (error !== null && code !== null) return { kind: 'invalid', problem: 'code_and_error' };
  if (error !== null) return { kind: 'refused', error: knownError(error) };
  if (code === null) return { kind: 'invalid', problem: 'code_missing' };
  if (!/^[\x20-\x7e]{1,8192}$/.test(code)) return { kind: 'invalid', problem: 'code_unusable' };
  registerSecret(code);
  return { kind: 'code', code: new Secret(code) };
}

/** What shows that a response is not this server's answer to this request. */
function problemOf(
  parameters: URLSearchParams,
  { state, issuer, issParameterSupported }: ExpectedAuthorizationResponse,
): AuthorizationResponseProblem | null {
  if (READ.some((name) => parameters.getAll(name).length > 1)) return 'parameter_repeated';
  const given = valueOf(parameters, 'state');
  if (given === null) return 'state_missing';
  if (!isSame(given, state.reveal())) return 'state_mismatch';
  // Of an error too: it could be another server's that wants its own to be forgotten.
  const iss = valueOf(parameters, 'iss');
  if (iss === null) return issParameterSupported ? 'issuer_missing' : null;
  return issuer === null || iss === issuer ? null : 'issuer_mismatch';
}

/** A parameter without a value counts as left out (RFC 6749 §3.1). */
function valueOf(parameters: URLSearchParams, name: string): string | null {
  const value = parameters.get(name);
  return value === '' ? null : value;
}

function knownError(error: string): OAuthErrorCode | 'server_error' | 'other' {
  if (isTemporaryErrorCode(error)) return 'server_error';
  return isOAuthErrorCode(error) ? error : 'other';
}

/** Takes the same time wherever the texts differ. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
