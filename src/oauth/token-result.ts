import type { Secret } from '../secret.js';
import type { OAuthErrorCode } from './error-codes.js';

/**
 * What came of a token request: an answer whose tokens are kept, or a failure that says what is
 * known about it. A value in both cases, because a thrown error could carry a secret.
 */
export type TokenRequestResult =
  | { readonly kind: 'captured'; readonly response: CapturedResponse }
  | { readonly kind: 'failed'; readonly failure: TokenRequestFailure };

/**
 * A token endpoint's answer as it was read, before anything about it was judged: a refresh token in
 * it may already have replaced the one that was sent, so it has to be stored whatever `problem` says.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-5.1
 */
export interface CapturedResponse {
  /** As sent; use it only while `problem` is null. */
  readonly accessToken: Secret | null;
  /** Null: none in the answer, so that the one that was sent stays valid (RFC 6749 §6). */
  readonly refreshToken: Secret | null;
  /** As sent and not looked at yet; null: none in the answer (OpenID Connect Core §3.1.3.3). */
  readonly idToken: Secret | null;
  /** `Bearer` however it was spelt or if it was left out, else as sent, or `unknown`. */
  readonly tokenType: string;
  /** Granted scope, space-delimited; null: the server did not tell, so it is as requested. */
  readonly scope: string | null;
  /** Lifetime of the access token; 0: expired at once; null: not told, or not readable. */
  readonly expiresInMs: number | null;
  /** Lifetime of the refresh token; `never`: the server says that it has no end; null: not told. */
  readonly refreshTokenExpiresInMs: number | 'never' | null;
  readonly httpStatus: number;
  /** Why the access token must not be used; null: it may. */
  readonly problem: CaptureProblem | null;
  /** What was odd and did no harm, for the log. */
  readonly notes: readonly CaptureNote[];
  /** Monotonic milliseconds from handing the request to the connection until the answer was read. */
  readonly elapsedMs: number;
}

/**
 * Why a captured access token must not be used.
 *
 * - `access_token_missing`: a refresh token, but no access token.
 * - `access_token_unusable`: not a text of visible ASCII characters (RFC 6749 A.12).
 * - `token_type_unsupported`: anything but Bearer (RFC 6749 §7.1).
 * - `status_unexpected`: tokens with a 2xx status that is neither 200 nor 201.
 * - `unreadable`: cut or broken; only the refresh token could be saved.
 */
export type CaptureProblem =
  | 'access_token_missing'
  | 'access_token_unusable'
  | 'token_type_unsupported'
  | 'status_unexpected'
  | 'unreadable';

/** An oddity of an answer that is usable all the same. */
export type CaptureNote =
  | 'body_incomplete'
  | 'error_member_ignored'
  | 'expires_in_unreadable'
  | 'expires_in_absurd'
  | 'refresh_token_unreadable'
  | 'refresh_token_expires_in_unreadable'
  | 'scope_unreadable';

/** A token request without a kept answer. */
export interface TokenRequestFailure {
  /** What is known of the request's effect; see {@link RequestCertainty}. */
  readonly certainty: RequestCertainty;
  /** Our own time was over after sending: the authorization server may still be working on it. */
  readonly mayStillRun: boolean;
  /** A known code of an RFC, or one of ours; see {@link TokenRequestFailureCode}. */
  readonly code: TokenRequestFailureCode;
  /** Null: no status line was received. */
  readonly httpStatus: number | null;
  /** How long the server asks to wait (`Retry-After`), at most 24 hours; null: it does not say. */
  readonly retryAfterMs: number | null;
  /** Monotonic milliseconds since the request was handed to the connection, or since it was begun. */
  readonly elapsedMs: number;
}

/**
 * What a failed token request may have done at the authorization server.
 *
 * - `not_sent`: nothing, no byte of it left.
 * - `rejected`: nothing, the server refused it.
 * - `rejected_for_now`: nothing, the server refused it and will take it later.
 * - `unknown`: perhaps everything; a refresh token that was sent may have been replaced.
 */
export type RequestCertainty = 'not_sent' | 'rejected' | 'rejected_for_now' | 'unknown';

/**
 * An error code that an RFC knows, or one of ours: `other` (a code no RFC knows, or a status that
 * says no without one), `rate_limited`, `server_error`, `unreachable`, `malformed_response`,
 * `network_not_allowed`.
 */
export type TokenRequestFailureCode =
  | OAuthErrorCode
  | 'other'
  | 'rate_limited'
  | 'server_error'
  | 'unreachable'
  | 'malformed_response'
  | 'network_not_allowed';
