import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, Hono } from 'hono';
import { receiveCallback } from '../authorizations/index.js';
import { failureTypeOf } from '../failures.js';
import { readAuthorization } from '../store/index.js';
import type { Answers } from './answers.js';
import type { ConnectParts } from './connect-parts.js';
import { authorizationPage } from './pages/authorization-pages.js';
import { endProblem, NOT_FOUND } from './pages/problem-page.js';

/** Where the browser comes back to, and where it is sent from there. */
export function addCallbackRoutes(app: Hono, parts: ConnectParts, answers: Answers): void {
  app.get('/callback', (c) => receive(parts, answers, c));
  app.get('/callback/foreign', (c) =>
    answers.problem(c, { ...endProblem('Authorization.invalid_response'), status: 400 }),
  );
  app.get('/result/:authorization', (c) => result(parts, answers, c));
}

async function receive(parts: ConnectParts, answers: Answers, c: Context): Promise<Response> {
  const { authorization, temporal, cookies } = parts;
  const query = new URL(c.req.url).searchParams;
  // Another browser's answer changes nothing: it is bound to what this one knows.
  const browser = cookies.knownBrowser(c);
  try {
    const { redemptions } = await temporal();
    const { database, keys } = authorization;
    const { authorizationId } = await receiveCallback(
      { database, keys, redemptions },
      { query, browser },
    );
    // The code must not stay in the address, nor in what the browser remembers.
    return answers.goTo(c, `/result/${authorizationId}`);
  } catch (error) {
    if (failureTypeOf(error) === 'Authorization.invalid_response') {
      return answers.goTo(c, '/callback/foreign');
    }
    throw error;
  }
}

async function result(parts: ConnectParts, answers: Answers, c: Context): Promise<Response> {
  const { authorization, cookies, base } = parts;
  const browser = cookies.knownBrowser(c);
  const authorizationId = c.req.param('authorization') ?? '';
  const found = await readAuthorization(authorization.database, authorizationId);
  const isOwn = found?.browserHash != null && browser !== null;
  if (!isOwn || !isSame(found.browserHash ?? '', hashOf(browser.reveal()))) {
    return answers.problem(c, NOT_FOUND);
  }
  const signed = cookies.link(c);
  const link = signed === null ? null : await parts.links.open(signed);
  const leadsBack =
    link !== null && typeof link !== 'string' && link.connectionId === found.record.connectionId;
  return answers.page(c, authorizationPage(found.record, leadsBack ? `${base}/c/${signed}` : null));
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
