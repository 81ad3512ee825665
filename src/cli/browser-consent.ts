import { randomBytes, timingSafeEqual } from 'node:crypto';
import {
  beginAuthorization,
  receiveCallback,
  type BegunAuthorization,
  type CallbackResult,
} from '../authorizations/index.js';
import { failure, failureTypeOf, recordedFailure } from '../failures.js';
import { Secret } from '../secret.js';
import type { AuthorizeTarget } from './authorize-parts.js';
import type { CallbackPage } from './callback-page.js';
import { describeError } from './errors.js';
import type { BrowserStart, LoopbackAnswers } from './loopback-listener.js';

/** Who is asked to consent. */
export interface BrowserConsentInput {
  connectionId: string;
  acceptNewSubject: boolean;
}

/**
 * One consent in one browser: the authorization begins when the browser comes, so that a pushed
 * request does not wait for its person, and that browser alone can bring the answer.
 */
export class BrowserConsent implements LoopbackAnswers {
  readonly #target: AuthorizeTarget;
  readonly #input: BrowserConsentInput;
  /** A link that was forwarded, or seen by others of this machine, is of no use to them. */
  readonly #browser = new Secret(randomBytes(32).toString('base64url'));
  readonly #begun = new Wait<PromiseSettledResult<BegunAuthorization>>();
  readonly #answered = new Wait<CallbackResult>();

  constructor(target: AuthorizeTarget, input: BrowserConsentInput) {
    this.#target = target;
    this.#input = input;
  }

  async start(redirectUri: string): Promise<BrowserStart | CallbackPage> {
    const { parts, startedBy } = this.#target;
    const browser = this.#browser;
    const [begun] = await Promise.allSettled([
      beginAuthorization(parts, { ...this.#input, redirectUri, browser, startedBy }),
    ]);
    this.#begun.end(begun);
    if (begun.status === 'fulfilled') return { link: begun.value.url, browser };
    const { message, final } = describeError(begun.reason);
    return {
      status: final ? 400 : 503,
      title: 'Nobody can be asked',
      text: `${message} The terminal says so too. ${CLOSE}`,
    };
  }

  async callback(query: URLSearchParams, browser: Secret | null): Promise<CallbackPage> {
    // A cookie of an earlier command on this port would bring the answer to its link.
    if (browser === null || !isSame(browser, this.#browser)) return OTHER_BROWSER;
    const { parts, redemptions } = this.#target;
    try {
      const result = await receiveCallback({ ...parts, redemptions }, { query, browser });
      this.#answered.end(result);
      return pageOf(result);
    } catch (error) {
      return failedPage(error);
    }
  }

  /**
   * Waits until the person has answered.
   *
   * @param deadline - until `performance.now()` is so much
   * @returns the id of the authorization, whose code is kept
   * @throws ApplicationFailure `Authorization.*` and the other ends of an authorization; what
   *   {@link beginAuthorization} throws
   */
  async given(deadline: number): Promise<string> {
    const { connectionId } = this.#input;
    const begun = await this.#begun.within(deadline - performance.now());
    if (begun === null) throw failure('Authorization.expired', { connectionId });
    if (begun.status === 'rejected') throw begun.reason;
    const { authorizationId, expiresInMs } = begun.value;
    const leftMs = Math.min(deadline - performance.now(), expiresInMs);
    const result = await this.#answered.within(leftMs);
    if (result === null) throw failure('Authorization.expired', { connectionId });
    if (result.outcome === 'failed') {
      throw recordedFailure(result.type ?? 'OAuth.other', { connectionId, final: true });
    }
    return authorizationId;
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

function isSame(one: Secret, other: Secret): boolean {
  const [a, b] = [Buffer.from(one.reveal()), Buffer.from(other.reveal())];
  return a.length === b.length && timingSafeEqual(a, b);
}

const CLOSE = 'This window can be closed.';

const OTHER_BROWSER: CallbackPage = {
  status: 400,
  title: 'Not taken',
  text:
    'The link was opened in another browser than this one, and only that one can bring the answer. ' +
    'Nothing is stored. To consent here, run the command again and open its link in this browser.',
};

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
