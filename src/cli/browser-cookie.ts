import { Secret } from '../secret.js';

/**
 * The cookie that a browser is known by when it comes back to a redirect URI of this machine. It is
 * sent along when the authorization server sends the browser back (`Lax`), and no script reads it.
 *
 * @returns the value of `Set-Cookie`
 * @see https://www.rfc-editor.org/rfc/rfc6265.html#section-4.1
 */
export function cookieOf(browser: Secret, redirectUri: URL): string {
  // A path cannot be quoted, and ends at a semicolon.
  const path = redirectUri.pathname.includes(';') ? '/' : redirectUri.pathname;
  return `${nameFor(redirectUri)}=${browser.reveal()}; Path=${path}; HttpOnly; SameSite=Lax`;
}

/**
 * What the cookie of a browser says.
 *
 * @param header - `Cookie`
 * @returns null: it has none
 */
export function browserOf(header: string | undefined, redirectUri: URL): Secret | null {
  const start = `${nameFor(redirectUri)}=`;
  const pair = (header ?? '').split(/;\s*/).find((text) => text.startsWith(start));
  return pair === undefined ? null : new Secret(pair.slice(start.length));
}

/** Cookies are kept by host, whatever the port; two commands may run at once. */
function nameFor({ port }: URL): string {
  return `oauth-tokens-${port === '' ? '80' : port}`;
}
