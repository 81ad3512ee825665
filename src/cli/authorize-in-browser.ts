import type { StoredConnection } from '../contract/connection-record.js';
import type { AuthorizeOptions, AuthorizeTarget } from './authorize-parts.js';
import { BrowserConsent } from './browser-consent.js';
import { loopbackAddress } from './loopback-address.js';
import { listenOnLoopback } from './loopback-listener.js';
import { openBrowser } from './open-browser.js';
import { atMost } from './redemption-wait.js';

/**
 * Sends the person's browser to the authorization server, by an address of this process, and waits
 * until it comes back to this process, which alone can take the answer.
 *
 * @returns the id of the authorization, whose code is kept
 * @throws ApplicationFailure `Authorization.*` and the other ends of an authorization
 */
export async function authorizeInBrowser(
  target: AuthorizeTarget,
  { connectionId, grant }: StoredConnection,
  options: AuthorizeOptions & { deadline: number },
): Promise<string> {
  const { cli } = target;
  const { acceptNewSubject = false, deadline } = options;
  const address = loopbackAddress(grant.redirectUris, options.port ?? null);
  const consent = new BrowserConsent(target, { connectionId, acceptNewSubject });
  const listener = await listenOnLoopback(address, consent);
  try {
    const { redirectUri, startUrl } = listener;
    const opened = options.browser && (await openBrowser(startUrl, cli.io.env));
    const how = opened
      ? `The browser asks for the consent for connection ${connectionId}.`
      : `Open this link in a browser on this machine; it is for you alone, and works once:\n${startUrl}`;
    cli.io.stderr.write(`${how}\nWaiting for the answer at ${redirectUri}, ${atMost(deadline)}…\n`);
    return await consent.given(deadline);
  } finally {
    await listener.close();
  }
}
