/**
 * Whether a redirect URI is one of those that are declared: to the letter, except that a loopback one
 * without a port stands for any port.
 *
 * @param declared - `grant.redirectUris`; empty: nothing is declared, and the server judges alone
 * @see https://www.rfc-editor.org/rfc/rfc9700.html#section-2.1
 * @see https://www.rfc-editor.org/rfc/rfc8252.html#section-7.3
 */
export function isDeclaredRedirect(redirectUri: string, declared: readonly string[]): boolean {
  if (declared.length === 0 || declared.includes(redirectUri)) return true;
  if (!URL.canParse(redirectUri)) return false;
  const given = new URL(redirectUri);
  if (!isLoopback(given)) return false;
  given.port = '';
  return declared.some((uri) => {
    const url = new URL(uri);
    return isLoopback(url) && url.port === '' && url.href === given.href;
  });
}

const isLoopback = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
