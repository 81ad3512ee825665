import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Secret } from '../secret.js';
import type { ConnectParts } from './connect-parts.js';

const USE = 'connect-form';
const LARGEST_FORM = 4_096;

/** Refuses a body that no form of ours is as large as. */
export const formLimit = bodyLimit({
  maxSize: LARGEST_FORM,
  onError: (c) => c.text('Too large.', 413),
});

/** The proof that a form was given to this browser, for one action. */
export async function csrfToken(
  { auth }: Pick<ConnectParts, 'auth'>,
  browser: Secret,
  action: string,
): Promise<string> {
  return auth.sign(USE, textOf(browser, action));
}

/**
 * Reads a form that this browser was given for this action; null: it was not, or it is no form.
 */
export async function readForm(
  { auth, cookies }: Pick<ConnectParts, 'auth' | 'cookies'>,
  c: Context,
  action: string,
): Promise<URLSearchParams | null> {
  const browser = cookies.knownBrowser(c);
  const type = c.req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (browser === null || type !== 'application/x-www-form-urlencoded') return null;
  const form = new URLSearchParams(await c.req.text());
  const code = form.get('csrf') ?? '';
  return (await auth.verify(USE, textOf(browser, action), { code })) ? form : null;
}

const textOf = (browser: Secret, action: string): string =>
  JSON.stringify([browser.reveal(), action]);
