import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import type { Secret } from '../secret.js';
import type { ConnectParts } from './connect-parts.js';

const USE = 'connect-operator';
const LIFETIME_MS = 8 * 3_600_000;

type SessionParts = Pick<ConnectParts, 'auth' | 'cookies' | 'operatorToken'>;

/** Whether a text is the operators' token, compared in constant time. */
export function isOperatorToken({ operatorToken }: SessionParts, text: string): boolean {
  return operatorToken !== null && timingSafeEqual(digestOf(text), digestOf(operatorToken));
}

/** Signs the browser in, for eight hours; another operators' token ends every session. */
export async function startSession(parts: SessionParts, c: Context): Promise<void> {
  const expires = String(Date.now() + LIFETIME_MS);
  const code = await parts.auth.sign(USE, textOf(parts, parts.cookies.browser(c), expires));
  parts.cookies.setSession(c, `${expires}.${code}`);
}

/** Whether the browser is signed in. */
export async function hasSession(parts: SessionParts, c: Context): Promise<boolean> {
  const [, expires = '', code = ''] =
    /^(\d{1,15})\.([\w-]+)$/.exec(parts.cookies.session(c) ?? '') ?? [];
  const browser = parts.cookies.knownBrowser(c);
  if (parts.operatorToken === null || browser === null || !(Number(expires) > Date.now()))
    return false;
  return parts.auth.verify(USE, textOf(parts, browser, expires), { code });
}

function textOf({ operatorToken }: SessionParts, browser: Secret, expires: string): string {
  const token = digestOf(operatorToken ?? '').toString('hex');
  return JSON.stringify([token, browser.reveal(), expires]);
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
