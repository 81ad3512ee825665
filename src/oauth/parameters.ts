/**
 * Names that a connection's `grant.parameters` may not use: the protocol's own, which decide who the
 * client is, what it asks for and with which grant. Compare in lower case; some servers do.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-3.2
 */
export const PROTOCOL_PARAMETERS: ReadonlySet<string> = new Set([
  // RFC 6749
  'grant_type',
  'client_id',
  'client_secret',
  'code',
  'password',
  'redirect_uri',
  'refresh_token',
  'response_type',
  'scope',
  'state',
  'username',
  // RFC 7009, RFC 7521, RFC 7636, RFC 8628, RFC 8693, RFC 9101, RFC 9449, CIBA
  'access_token',
  'actor_token',
  'actor_token_type',
  'assertion',
  'auth_req_id',
  'client_assertion',
  'client_assertion_type',
  'code_challenge',
  'code_challenge_method',
  'code_verifier',
  'device_code',
  'dpop_jkt',
  'request',
  'request_uri',
  'requested_token_type',
  'subject_token',
  'subject_token_type',
  'token',
  'token_type_hint',
]);

/** Whether a parameter's name is one of the protocol's own, however it is written. */
export function isProtocolParameter(name: string): boolean {
  return PROTOCOL_PARAMETERS.has(name.trim().toLowerCase());
}

/** Names that an authorization request has besides, which decide where and how its answer comes. */
const AUTHORIZATION_PARAMETERS: ReadonlySet<string> = new Set([
  // OpenID Connect Core §3.1.2.1, OAuth 2.0 Multiple Response Type Encoding §2.1
  'nonce',
  'response_mode',
  'registration',
]);

/** Whether a parameter's name is the protocol's own in an authorization request. */
export function isAuthorizationParameter(name: string): boolean {
  return isProtocolParameter(name) || AUTHORIZATION_PARAMETERS.has(name.trim().toLowerCase());
}
