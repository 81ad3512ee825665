/**
 * The error codes that RFCs and OpenID define for the endpoints a client calls. Any other text is
 * the server's own and is never repeated: it could echo a token.
 */
const OAUTH_ERROR_CODES = [
  // RFC 6749 §4.1.2.1, §5.2. `server_error` and `temporarily_unavailable` are told apart below.
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'access_denied',
  'unsupported_response_type',
  // RFC 6750 §3.1
  'invalid_token',
  'insufficient_scope',
  // RFC 7009 §2.2.1
  'unsupported_token_type',
  // RFC 7591 §3.2.2
  'invalid_redirect_uri',
  'invalid_client_metadata',
  'invalid_software_statement',
  'unapproved_software_statement',
  // RFC 8628 §3.5
  'authorization_pending',
  'slow_down',
  'expired_token',
  // RFC 8707 §2
  'invalid_target',
  // RFC 9101 §7
  'invalid_request_uri',
  'invalid_request_object',
  'request_not_supported',
  'request_uri_not_supported',
  // RFC 9396 §5
  'invalid_authorization_details',
  // RFC 9449 §5, §8
  'invalid_dpop_proof',
  'use_dpop_nonce',
  // RFC 9470 §3
  'insufficient_user_authentication',
  // OpenID Connect Core §3.1.2.6, CIBA §11 and §13
  'interaction_required',
  'login_required',
  'account_selection_required',
  'consent_required',
  'registration_not_supported',
  'unmet_authentication_requirements',
  'invalid_binding_message',
  'invalid_user_code',
  'missing_user_code',
  'expired_login_hint_token',
  'unknown_user_id',
  'transaction_failed',
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
