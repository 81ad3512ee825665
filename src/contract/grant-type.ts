/**
 * How a connection comes to its tokens. `device_code` stands for
 * `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4).
 */
export type GrantType =
  'client_credentials' | 'refresh_token' | 'authorization_code' | 'device_code';

/**
 * Whether only a person can give the grant back once it is lost. Between two consents a refresh token
 * stands for it, and a request with that may not be made twice without a thought. Client credentials
 * need nobody.
 */
export function needsPerson(grantType: GrantType): boolean {
  return grantType !== 'client_credentials';
}

/**
 * Whether the package asks a person for the consent itself. A `refresh_token` connection brings one
 * that was given elsewhere.
 */
export function asksForConsent(grantType: string): boolean {
  return grantType === 'authorization_code' || grantType === 'device_code';
}

/**
 * The scope that a refresh asks for; null: all that was granted (RFC 6749 §6). What a person granted
 * is not what the connection asks for now: a wider scope takes another consent.
 */
export function refreshScope(grant: { grantType: GrantType; scope: string | null }): string | null {
  return grant.grantType === 'refresh_token' ? grant.scope : null;
}
