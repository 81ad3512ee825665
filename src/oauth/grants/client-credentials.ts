/**
 * The client's own authority: no person, and usually no refresh token in the answer.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-4.4
 */
export interface ClientCredentialsGrant {
  readonly grantType: 'client_credentials';
  /** Space-delimited; null: the server's default. */
  readonly scope: string | null;
  /** Further body parameters, such as `audience` or `resource`; none of the protocol's own. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** The grant's own body parameters (RFC 6749 §4.4.2). */
export function clientCredentialsParameters(grant: ClientCredentialsGrant): [string, string][] {
  return [
    ['grant_type', 'client_credentials'],
    ['scope', grant.scope ?? ''],
  ];
}
