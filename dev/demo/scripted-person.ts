/** Somebody who clicks through the connect page and the authorization server, without a screen. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Browser, type Callback, type Page } from '../../test/support/browser.js';

const LOOK_MS = 300;
const MAX_LOOKS = 100;

/**
 * Opens a link, presses Connect, signs in, allows, and waits for the page that says it is done.
 *
 * @param tell - told of every page
 * @throws Error when the page says something else
 */
export async function scriptedPerson(link: string, tell: (text: string) => void): Promise<void> {
  const browser = new Browser();
  const first = pageOf(await browser.open(link));
  tell('opens the link: what is asked for, and who asks');
  const signIn = pageOf(await browser.press(first, 'Connect', {}));
  tell('presses Connect, and signs in at the authorization server');
  const fields = { account: 'ada' };
  const asked = pageOf(await browser.press(signIn, 'Sign in', { fields }));
  let page = pageOf(await browser.press(asked, 'Allow', {}));
  tell('allows what is asked for');
  for (let looks = 0; !page.html.includes('You can close this window.'); looks += 1) {
    if (looks === MAX_LOOKS) throw new Error(`The account is not connected:\n${page.html}`);
    await sleep(LOOK_MS);
    page = pageOf(await browser.open(page.url));
  }
  tell('reads "Connected. You can close this window."');
}

function pageOf(shown: Page | Callback): Page {
  if ('html' in shown) return shown;
  throw new Error('The browser was sent somewhere else.');
}
