import type { Secret } from '../../secret.js';
import { OAuthRequestError } from '../errors.js';

/**
 * The code that a person's consent brought. It can be redeemed once; the server may end everything
 * that came of it when it is sent again (RFC 6749 §4.1.2).
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-4.1.3
 */
export interface AuthorizationCodeGrant {
  readonly grantType: 'authorization_code';
  readonly code: Secret;
  /** That of the authorization request, to the letter. */
  readonly redirectUri: string;
  /** Null: the authorization request had no PKCE challenge. */
  readonly codeVerifier: Secret | null;
  /** Further body parameters, such as `audience` or `resource`; none of the protocol's own. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The grant's own body parameters, the code and its verifier among them.
 *
 * @throws OAuthRequestError `code_missing` when the code is empty.
 * @see https://www.rfc-editor.org/rfc/rfc7636.html#section-4.5
 */
export function authorizationCodeParameters(grant: AuthorizationCodeGrant): [string, string][] {
  const code = grant.code.reveal();
  if (code === '') throw new OAuthRequestError('code_missing', 'The authorization code is empty.');
  return [
    ['grant_type', 'authorization_code'],
    ['code', code],
    ['redirect_uri', grant.redirectUri],
    ['code_verifier', grant.codeVerifier?.reveal() ?? ''],
  ];
}
