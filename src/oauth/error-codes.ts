import { OTHER_OAUTH_CODES } from '../contract/other-oauth-codes.js';

/**
 * The error codes that RFCs and OpenID define for the endpoints a client calls. Any other text is
 * the server's own and is never repeated: it could echo a token.
 */
const OAUTH_ERROR_CODES = [
  // RFC 6749 §5.2. `server_error` and `temporarily_unavailable` are told apart below.
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'access_denied',
  // RFC 8628 §3.5
  'authorization_pending',
  'slow_down',
  // RFC 8707 §2
  'invalid_target',
  // RFC 9449 §5, §8
  'invalid_dpop_proof',
  'use_dpop_nonce',
  // OpenID Connect Core §3.1.2.6
  'interaction_required',
  'login_required',
  'consent_required',
  ...OTHER_OAUTH_CODES,
] as const;

/** An error code that an RFC or OpenID specification defines. */
export type OAuthErrorCode = (typeof OAUTH_ERROR_CODES)[number];

const known: ReadonlySet<string> = new Set(OAUTH_ERROR_CODES);

/** Whether a server's text is a code that is safe to repeat. */
export function isOAuthErrorCode(text: string): text is OAuthErrorCode {
  return known.has(text);
}

/** Refusals that end by themselves (RFC 6749 §4.1.2.1): whatever status they come with. */
export function isTemporaryErrorCode(text: string): boolean {
  return text === 'temporarily_unavailable' || text === 'server_error';
}

/** Refusals of a request that is right and only early (RFC 8628 §3.5). */
export function isEarlyErrorCode(text: string): boolean {
  return text === 'authorization_pending' || text === 'slow_down';
}
