import { randomBytes } from 'node:crypto';
import {
  beginAuthorization,
  receiveCallback,
  type CallbackResult,
} from '../authorizations/index.js';
import type { StoredConnection } from '../contract/connection-record.js';
import { failure, failureTypeOf, recordedFailure } from '../failures.js';
import { Secret } from '../secret.js';
import type { AuthorizeOptions, AuthorizeTarget } from './authorize-parts.js';
import type { CallbackPage } from './callback-page.js';
import { loopbackAddress } from './loopback-address.js';
import { listenOnLoopback } from './loopback-listener.js';
import { openBrowser } from './open-browser.js';
import { atMost } from './redemption-wait.js';

/**
 * Sends the person's browser to the authorization server and waits until it comes back to this
 * process, which alone can take the answer.
 *
 * @returns the id of the authorization, whose code is kept
 * @throws ApplicationFailure `Authorization.*` and the other ends of an authorization
 */
export async function authorizeInBrowser(
  { parts, redemptions, cli, startedBy }: AuthorizeTarget,
  { connectionId, grant }: StoredConnection,
  options: AuthorizeOptions & { deadline: number },
): Promise<string> {
  const address = loopbackAddress(grant.redirectUris, options.port ?? null);
  // A link that was forwarded leads back to somebody else's machine, and is of no use there.
  const browser = new Secret(randomBytes(32).toString('base64url'));
  const waiting = new Wait<CallbackResult>();
  const listener = await listenOnLoopback(address, (query) =>
    receiveCallback({ ...parts, redemptions }, { query, browser }).then(
      (result) => {
        waiting.end(result);
        return pageOf(result);
      },
      (error: unknown) => failedPage(error),
    ),
  );
  try {
    const { acceptNewSubject = false, deadline } = options;
    const { redirectUri } = listener;
    const begun = await beginAuthorization(parts, {
      ...{ connectionId, redirectUri, browser, acceptNewSubject, startedBy },
    });
    const opened = options.browser && (await openBrowser(begun.url, cli.io.env));
    const how = opened
      ? `The browser asks for the consent for connection ${connectionId}.`
      : // The one place where a URL with `state` is shown: to its person.
        `Open this link in a browser on this machine; it is for you alone:\n${begun.url.reveal()}`;
    cli.io.stderr.write(`${how}\nWaiting for the answer at ${redirectUri}, ${atMost(deadline)}…\n`);
    const leftMs = Math.min(deadline - performance.now(), begun.expiresInMs);
    const result = await waiting.within(leftMs);
    if (result === null) throw failure('Authorization.expired', { connectionId });
    if (result.outcome === 'failed') {
      throw recordedFailure(result.type ?? 'OAuth.other', { connectionId, final: true });
    }
    return begun.authorizationId;
  } finally {
    await listener.close();
  }
}

/** One thing that happens, or does not in time. */
class Wait<T> {
  #end: ((value: T) => void) | null = null;
  readonly #ended = new Promise<T>((resolve) => (this.#end = resolve));

  end(value: T): void {
    this.#end?.(value);
  }

  async within(ms: number): Promise<T | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), Math.max(ms, 0));
    });
    try {
      return await Promise.race([this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

const CLOSE = 'This window can be closed.';

function pageOf({ outcome, type, connectionId }: CallbackResult): CallbackPage {
  if (outcome !== 'failed') {
    const text = `Thank you. The terminal says when connection ${connectionId} is ready. ${CLOSE}`;
    return { status: 200, title: 'You have consented', text };
  }
  const { message } = recordedFailure(type ?? 'OAuth.other', { connectionId });
  return { status: 400, title: 'Not authorized', text: `${message} ${CLOSE}` };
}

function failedPage(error: unknown): CallbackPage {
  const type = failureTypeOf(error);
  const text =
    type === 'Authorization.invalid_response'
      ? 'This answer does not belong to the authorization that the terminal waits for.'
      : 'The answer could not be kept just now; load this page again.';
  return {
    status: type === 'Authorization.invalid_response' ? 400 : 503,
    title: 'Not taken',
    text,
  };
}
