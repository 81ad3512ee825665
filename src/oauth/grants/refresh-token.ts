import type { Secret } from '../../secret.js';
import { OAuthRequestError } from '../errors.js';

/**
 * A refresh token that was issued before. It may be rotated: the answer's refresh token then replaces
 * it, and an answer without one leaves it valid.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-6
 */
export interface RefreshTokenGrant {
  readonly grantType: 'refresh_token';
  readonly refreshToken: Secret;
  /** Space-delimited, a subset of what was granted; null: all of it. */
  readonly scope: string | null;
  /** Further body parameters, such as `audience` or `resource`; none of the protocol's own. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The grant's own body parameters, the refresh token among them (RFC 6749 §6).
 *
 * @throws OAuthRequestError `refresh_token_missing` when it is empty.
 */
export function refreshTokenParameters(grant: RefreshTokenGrant): [string, string][] {
  const refreshToken = grant.refreshToken.reveal();
  if (refreshToken === '') {
    throw new OAuthRequestError('refresh_token_missing', 'The refresh token is empty.');
  }
  return [
    ['grant_type', 'refresh_token'],
    ['refresh_token', refreshToken],
    ['scope', grant.scope ?? ''],
  ];
}
