/** What a resource server needs to ask an authorization server about tokens. */
export interface IntrospectionOptions {
  introspectionEndpoint: string;
  /** The resource server's own client. */
  clientId: string;
  clientSecret: string;
}

function basicAuthorization(clientId: string, clientSecret: string): string {
  // RFC 6749 §2.3.1: both are form-encoded first.
  const pair = [clientId, clientSecret].map(encodeURIComponent).join(':');
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

/**
 * Asks the authorization server whether an access token is active (RFC 7662), without any cache:
 * a token that was revoked is refused from the next request on.
 * @see https://www.rfc-editor.org/rfc/rfc7662.html#section-2
 */
export async function isActive(options: IntrospectionOptions, token: string): Promise<boolean> {
  const response = await fetch(options.introspectionEndpoint, {
    method: 'POST',
    headers: { authorization: basicAuthorization(options.clientId, options.clientSecret) },
    body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
  });
  if (!response.ok) throw new Error(`introspection answered ${response.status}`);
  const { active } = (await response.json()) as { active?: unknown };
  return active === true;
}
