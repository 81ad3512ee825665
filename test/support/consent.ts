/** A person at the pages of the authorization server of the tests (dev/system). */
import { Browser, type Callback, type Page } from './browser.js';

/** What a person does. */
export interface Consent {
  /** Who signs in; whatever the name. */
  account?: string;
  decision?: 'allow' | 'deny';
  /** Another one signs in anew; one that is signed in already is not asked again. */
  browser?: Browser;
}

/**
 * Opens an authorization URL, signs in, and allows or denies.
 *
 * @param redirectUri - where the client waits; nothing is sent to it
 * @returns the URL that the browser is sent to, with the answer in its query
 */
export async function consentAt(
  url: string,
  redirectUri: string,
  consent: Consent = {},
): Promise<URL> {
  const browser = consent.browser ?? new Browser();
  const first = await browser.open(url, redirectUri);
  const last = await answer(browser, first, { consent, callback: redirectUri });
  if ('html' in last) throw new Error(`the browser did not come back, it shows:\n${last.html}`);
  return last.url;
}

/**
 * Enters the user code of a device, signs in, and allows or denies.
 *
 * @param userCode - null: it is in the URL already (`verification_uri_complete`)
 * @returns the last page
 */
export async function consentOnDevice(
  verificationUri: string,
  userCode: string | null,
  consent: Consent = {},
): Promise<Page> {
  const browser = consent.browser ?? new Browser();
  const first = pageOf(await browser.open(verificationUri));
  const fields = userCode === null ? {} : { user_code: userCode };
  const confirm = pageOf(await browser.press(first, 'Continue', { fields }));
  if (!confirm.html.includes('Is this your device?')) return confirm;
  const asked = await browser.press(confirm, 'Continue', {});
  return pageOf(await answer(browser, asked, { consent, callback: null }));
}

/** Goes through the pages until no one asks any more. */
async function answer(
  browser: Browser,
  first: Page | Callback,
  { consent, callback }: { consent: Consent; callback: string | null },
): Promise<Page | Callback> {
  const { account = 'alice', decision = 'allow' } = consent;
  let page = first;
  if ('html' in page && page.html.includes('>Sign in</button>')) {
    page = await browser.press(page, 'Sign in', { fields: { account }, callback });
  }
  if ('html' in page && page.html.includes('>Allow</button>')) {
    page = await browser.press(page, decision === 'allow' ? 'Allow' : 'Deny', { callback });
  }
  return page;
}

function pageOf(shown: Page | Callback): Page {
  if ('html' in shown) return shown;
  throw new Error('the browser was sent to a client');
}
