import type { Context, MiddlewareHandler } from 'hono';
import { SECURITY_HEADERS, contentSecurityPolicy } from './security-headers.js';
import type { Answers } from './answers.js';
import { FOREIGN_FORM, NOT_FOUND } from './pages/problem-page.js';
import type { RateLimit } from './rate-limit.js';

/** What is asked of every request before a route sees it. */
export interface RequestRules {
  /** Base URL under which browsers reach us. */
  publicUrl: string;
  answers: Answers;
  /** Who sends a request, for the limit; null: not known. */
  clientAddress: (c: Context) => string | null;
  limit: RateLimit;
}

/** A code may be long, and nothing else is. */
const LONGEST_URL = 8_192;
const METHODS = ['GET', 'POST'];

/**
 * Holds every request to the rules: our own host (a name that was made to point here is a page
 * elsewhere), GET or POST, a short address, forms from our own pages, not too many.
 */
export function requestRules(rules: RequestRules): MiddlewareHandler {
  const { publicUrl, answers, clientAddress, limit } = rules;
  const { host, origin } = new URL(publicUrl);
  return async (c, next) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
    c.header('content-security-policy', contentSecurityPolicy());
    // A request line may name a host of its own.
    const named = new URL(c.req.url).host;
    if (named !== host || (c.req.header('host') ?? named) !== host) {
      return answers.problem(c, { ...NOT_FOUND, status: 421 });
    }
    if (!METHODS.includes(c.req.method)) {
      c.header('allow', METHODS.join(', '));
      return answers.problem(c, { ...NOT_FOUND, status: 405 });
    }
    if (c.req.url.length > LONGEST_URL) return answers.problem(c, { ...NOT_FOUND, status: 414 });
    const waitMs = limit(clientAddress(c) ?? '');
    if (waitMs > 0) return answers.tooMany(c, waitMs);
    if (c.req.method === 'POST' && !comesFromUs(c, origin)) return answers.problem(c, FOREIGN_FORM);
    return next();
  };
}

/**
 * Whether a form was sent by a page of ours, as far as the browser says. `no-referrer` makes browsers
 * send `Origin: null` with our own forms, so the token in the form decides.
 *
 * @see https://www.w3.org/TR/fetch-metadata/
 */
function comesFromUs(c: Context, origin: string): boolean {
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  const from = c.req.header('origin');
  return from === undefined || from === 'null' || from === origin;
}
