import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import { getCookie, setCookie, deleteCookie } from 'hono/cookie';
import type { CookieOptions } from 'hono/utils/cookie';
import { Secret } from '../secret.js';

/** The cookies of the connect page. */
export interface Cookies {
  /** What only this browser knows; made at its first page. */
  browser(c: Context): Secret;
  /** As {@link browser}, of a browser that has been here; null: it has not. */
  knownBrowser(c: Context): Secret | null;
  /** The operator's session; null: nobody has signed in. */
  session(c: Context): string | null;
  setSession(c: Context, value: string | null): void;
  /** The link by which a person came, for the way back after the callback. */
  link(c: Context): string | null;
  setLink(c: Context, signed: string): void;
}

const BROWSER = /^[\w-]{43}$/;
const LONGEST = 1_200;

/**
 * Cookies for this host alone. `SameSite=Lax`, because the callback is a navigation that comes from
 * the authorization server; the session of an operator is `Strict`.
 *
 * @param secure - served over https; on this machine without TLS there is no `__Host-` prefix
 * @see https://www.rfc-editor.org/rfc/rfc6265.html
 */
export function createCookies(secure: boolean): Cookies {
  const name = (plain: string): string => `${secure ? '__Host-' : ''}${plain}`;
  const options: CookieOptions = { path: '/', httpOnly: true, secure, sameSite: 'Lax' };
  const [browserName, sessionName, linkName] = [
    'connect-browser',
    'connect-operator',
    'connect-link',
  ].map(name) as [string, string, string];
  const read = (c: Context, wanted: string): string | null => {
    const value = getCookie(c, wanted);
    return value === undefined || value.length > LONGEST ? null : value;
  };

  function knownBrowser(c: Context): Secret | null {
    const value = read(c, browserName);
    return value !== null && BROWSER.test(value) ? new Secret(value) : null;
  }

  return {
    knownBrowser,
    browser(c) {
      const known = knownBrowser(c);
      if (known !== null) return known;
      const made = randomBytes(32).toString('base64url');
      setCookie(c, browserName, made, options);
      return new Secret(made);
    },
    session: (c) => read(c, sessionName),
    setSession(c, value) {
      const strict: CookieOptions = { ...options, sameSite: 'Strict' };
      if (value === null) deleteCookie(c, sessionName, strict);
      else setCookie(c, sessionName, value, strict);
    },
    link: (c) => read(c, linkName),
    setLink: (c, signed) => setCookie(c, linkName, signed, options),
  };
}
