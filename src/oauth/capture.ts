import { registerSecret } from '../known-secrets.js';
import { Secret } from '../secret.js';
import { readLifetime } from './lifetime.js';
import { parseMembers, salvageRefreshToken, type AnswerText, type Members } from './members.js';
import type { CapturedResponse, CaptureNote, CaptureProblem } from './token-result.js';

/** A token endpoint's 2xx answer. */
export interface TokenAnswer extends AnswerText {
  readonly httpStatus: number;
  readonly elapsedMs: number;
}

/**
 * Captures what a 2xx answer brought. The tokens are taken first and kept whatever the checks after
 * it find: the authorization server has already issued them, and may have replaced the refresh token
 * that was sent. Undefined: there is nothing to keep in it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-5.1
 */
export function captureResponse(answer: TokenAnswer): CapturedResponse | undefined {
  const members = parseMembers(answer);
  if (members === undefined) return captureSalvaged(answer, 'unreadable');
  const accessToken = tokenOf(members.get('access_token'));
  const refreshToken = tokenOf(members.get('refresh_token'));
  if (isAbsent(members.get('access_token')) && refreshToken === null) {
    return isErrorMember(members) ? undefined : captureSalvaged(answer, 'access_token_missing');
  }
  const idToken = tokenOf(members.get('id_token'));
  return describe(answer, members, { accessToken, refreshToken, idToken });
}

/** Whether an answer says that it is an error, in the body of a 200 too. */
export function isErrorMember(members: Members): boolean {
  const error = members.get('error');
  return !isAbsent(error) && error !== false;
}

type CapturedTokens = Pick<CapturedResponse, 'accessToken' | 'refreshToken' | 'idToken'>;

function describe(answer: TokenAnswer, members: Members, tokens: CapturedTokens): CapturedResponse {
  const notes: CaptureNote[] = [];
  const note = (condition: boolean, text: CaptureNote): void => {
    if (condition) notes.push(text);
  };
  const tokenType = readTokenType(members.get('token_type'));
  const scope = withoutTokens(readScope(members.get('scope')), tokens);
  const lifetime = readLifetime(members.get('expires_in'));
  const refreshLifetime = readRefreshTokenLifetime(members);
  note(!answer.complete, 'body_incomplete');
  note(isErrorMember(members), 'error_member_ignored');
  note(scope === undefined, 'scope_unreadable');
  note(lifetime.oddity === 'unreadable', 'expires_in_unreadable');
  note(lifetime.oddity === 'absurd', 'expires_in_absurd');
  note(refreshLifetime.odd, 'refresh_token_expires_in_unreadable');
  note(
    tokens.refreshToken === null && !isAbsent(members.get('refresh_token')),
    'refresh_token_unreadable',
  );
  return {
    ...tokens,
    tokenType,
    scope: scope ?? null,
    expiresInMs: lifetime.ms,
    refreshTokenExpiresInMs: refreshLifetime.ms,
    httpStatus: answer.httpStatus,
    problem: problemOf(answer, members, tokenType),
    notes,
    elapsedMs: answer.elapsedMs,
  };
}

function captureSalvaged(
  answer: TokenAnswer,
  problem: CaptureProblem,
): CapturedResponse | undefined {
  const refreshToken = salvageRefreshToken(answer);
  if (refreshToken === null) return undefined;
  return {
    accessToken: null,
    refreshToken: issuedSecret(refreshToken),
    idToken: null,
    tokenType: 'unknown',
    scope: null,
    expiresInMs: null,
    refreshTokenExpiresInMs: null,
    httpStatus: answer.httpStatus,
    problem,
    notes: answer.complete ? [] : ['body_incomplete'],
    elapsedMs: answer.elapsedMs,
  };
}

function problemOf(
  answer: TokenAnswer,
  members: Members,
  tokenType: string,
): CaptureProblem | null {
  const accessToken = members.get('access_token');
  if (isAbsent(accessToken)) return 'access_token_missing';
  // VSCHAR without the space (RFC 6749 A.12, RFC 6750 §2.1): what can stand in a header.
  if (typeof accessToken !== 'string' || !/^[\x21-\x7e]+$/.test(accessToken)) {
    return 'access_token_unusable';
  }
  if (tokenType !== 'Bearer') return 'token_type_unsupported';
  return answer.httpStatus === 200 || answer.httpStatus === 201 ? null : 'status_unexpected';
}

function tokenOf(value: unknown): Secret | null {
  return typeof value === 'string' && value !== '' ? issuedSecret(value) : null;
}

function issuedSecret(token: string): Secret {
  registerSecret(token);
  return new Secret(token);
}

/** scope-token of RFC 6749 §3.3, space-delimited. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const MAX_SCOPE = 4_096;
/** Registered token types we do not use, by name; any other text is the server's own. */
const OTHER_TOKEN_TYPES = /^(dpop|mac|n_a|pop)$/i;

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function readTokenType(value: unknown): string {
  if (isAbsent(value)) return 'Bearer';
  const text = typeof value === 'string' ? value.trim() : '';
  if (/^bearer$/i.test(text)) return 'Bearer';
  return OTHER_TOKEN_TYPES.test(text) ? text : 'unknown';
}

/** Scope goes where tokens must not: one that quotes a token counts as not readable. */
function withoutTokens(
  scope: string | null | undefined,
  tokens: CapturedTokens,
): string | null | undefined {
  const quoted = Object.values(tokens).some(
    (token) => token !== null && token.reveal() !== '' && scope?.includes(token.reveal()),
  );
  return quoted ? undefined : scope;
}

/** Null: not told; undefined: told, and not readable. */
function readScope(value: unknown): string | null | undefined {
  if (value === undefined || value === null) return null;
  const names = Array.isArray(value) ? (value as unknown[]) : [value];
  if (!names.every((name) => typeof name === 'string')) return undefined;
  const scope = names.join(' ').trim().replace(/ +/g, ' ');
  if (scope === '') return null;
  return scope.length <= MAX_SCOPE && SCOPE.test(scope) ? scope : undefined;
}

/** 0 stands for "without an end" where it is sent (Keycloak's offline tokens). */
function readRefreshTokenLifetime(members: Members): { ms: number | 'never' | null; odd: boolean } {
  let odd = false;
  let told: 'never' | null = null;
  for (const name of [
    'refresh_token_expires_in',
    'refresh_expires_in',
    'x_refresh_token_expires_in',
  ]) {
    const lifetime = readLifetime(members.get(name));
    if (lifetime.ms !== null && lifetime.ms > 0) return { ms: lifetime.ms, odd };
    if (lifetime.ms === 0) told = 'never';
    odd ||= lifetime.oddity !== null;
  }
  return { ms: told, odd };
}
