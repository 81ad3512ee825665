import type { Context, Hono } from 'hono';
import { beginAuthorization, beginDeviceAuthorization } from '../authorizations/index.js';
import type { StoredConnection } from '../contract/connection-record.js';
import { isLoopbackUrl } from '../contract/connect-url.js';
import { readAuthorization } from '../store/index.js';
import { requestRevocation } from '../tokens/index.js';
import type { Answers } from './answers.js';
import { findConnection, redirectUriOf, type ConnectParts } from './connect-parts.js';
import { csrfToken, formLimit, readForm } from './forms.js';
import type { OpenedLink } from './links.js';
import { authorizationPage } from './pages/authorization-pages.js';
import { connectionPage, disconnectPage, type ConnectionView } from './pages/connection-page.js';
import { FOREIGN_FORM, NOT_FOUND, REFUSED_LINKS, type Problem } from './pages/problem-page.js';
import { actionsOf } from './state-words.js';

/** How long a person waits for the page that says what became of a revocation. */
const REVOCATION_MS = 2_000;

/** A request that a link opened. */
interface Opened {
  c: Context;
  signed: string;
  link: OpenedLink;
  view: ConnectionView;
}

type Handler = (opened: Opened) => Response | Promise<Response>;

/** The pages behind a link: a connection, its consent, and its end. */
export function addPersonRoutes(app: Hono, parts: ConnectParts, answers: Answers): void {
  const behindLink = (action: string, handle: Handler) => async (c: Context) => {
    const opened = await open(parts, c, action);
    return 'problem' in opened ? refuse(parts, answers, { c, ...opened }) : handle(opened);
  };
  const withForm = (action: string, handle: Handler) =>
    behindLink(action, async (opened) => {
      const form = await readForm(parts, opened.c, formOf(action, opened.link));
      return form === null ? answers.problem(opened.c, FOREIGN_FORM) : handle(opened);
    });

  app.get(
    '/c/:link',
    behindLink('connect', ({ c, view }) => answers.page(c, connectionPage(view))),
  );
  app.post(
    '/c/:link/connect',
    formLimit,
    withForm('connect', (opened) => connect(parts, answers, opened)),
  );
  app.get(
    '/c/:link/disconnect',
    behindLink('disconnect', ({ c, view, signed }) =>
      actionsOf(view.connection, view.record).disconnect
        ? answers.page(c, disconnectPage(view))
        : answers.goTo(c, `/c/${signed}`),
    ),
  );
  app.post(
    '/c/:link/disconnect',
    formLimit,
    withForm('disconnect', (opened) => disconnect(parts, answers, opened)),
  );
  app.get(
    '/c/:link/device/:authorization',
    behindLink('device', (opened) => device(parts, answers, opened)),
  );
}

const formOf = (action: string, { connectionId }: OpenedLink): string =>
  `${action} ${connectionId}`;

async function open(
  parts: ConnectParts,
  c: Context,
  action: string,
): Promise<Opened | { problem: Problem; forged: boolean }> {
  const signed = c.req.param('link') ?? '';
  const link = await parts.links.open(signed);
  if (typeof link === 'string') return { problem: REFUSED_LINKS[link], forged: link === 'forged' };
  const found = await findConnection(parts.authorization.database, link.connectionId);
  if (found === null) return { problem: REFUSED_LINKS.gone, forged: false };
  const csrf = await csrfToken(parts, parts.cookies.browser(c), formOf(action, link));
  const path = `${parts.base}/c/${signed}`;
  const view = { ...found, link, path, csrf, formTargets: formTargetsOf(found.connection) };
  return { c, signed, link, view };
}

/** Whoever tries links is slowed down; whoever has one is not. */
function refuse(
  { limits }: ConnectParts,
  answers: Answers,
  { c, problem, forged }: { c: Context; problem: Problem; forged: boolean },
): Response | Promise<Response> {
  const waitMs = forged ? limits.links('') : 0;
  return waitMs > 0 ? answers.tooMany(c, waitMs) : answers.problem(c, problem);
}

/**
 * Where the form may lead: the authorization server, and over https wherever it has people sign in.
 */
function formTargetsOf({ authorizationServer }: StoredConnection): string[] {
  const { authorizationEndpoint } = authorizationServer;
  if (authorizationEndpoint === null) return [];
  const { protocol, origin } = new URL(authorizationEndpoint);
  return protocol === 'https:' ? ['https:'] : [origin];
}

async function connect(
  parts: ConnectParts,
  answers: Answers,
  { c, signed, link, view }: Opened,
): Promise<Response> {
  const { connection, record } = view;
  const { connectionId } = connection;
  if (actionsOf(connection, record).connect === null) return answers.goTo(c, `/c/${signed}`);
  const waitMs = parts.limits.begin(connectionId);
  if (waitMs > 0) return answers.tooMany(c, waitMs);
  const startedBy = `connect page, asked by ${link.from}`;
  const about = { connectionId, acceptNewSubject: false, startedBy };
  parts.cookies.setLink(c, signed);
  if (connection.grant.grantType === 'device_code') {
    const { redemptions } = await parts.temporal();
    const { authorizationId } = await beginDeviceAuthorization(parts.authorization, about);
    await redemptions.start({ connectionId, authorizationId });
    return answers.goTo(c, `/c/${signed}/device/${authorizationId}`);
  }
  const redirectUri = redirectUriOf(parts);
  if (!isRegistered(redirectUri, connection.grant.redirectUris)) {
    return answers.problem(c, notRegistered(redirectUri));
  }
  const browser = parts.cookies.browser(c);
  const { url } = await beginAuthorization(parts.authorization, { ...about, redirectUri, browser });
  // The one place where a URL with `state` leaves: to its person's browser.
  return c.redirect(url.reveal(), 303);
}

/** A loopback one without a port stands for any (RFC 8252 §7.3); none declared says nothing. */
function isRegistered(redirectUri: string, registered: readonly string[]): boolean {
  if (registered.length === 0 || registered.includes(redirectUri)) return true;
  const own = new URL(redirectUri);
  return registered
    .map((uri) => new URL(uri))
    .filter((uri) => uri.port === '' && uri.protocol === 'http:' && isLoopbackUrl(uri))
    .some(({ hostname, pathname }) => hostname === own.hostname && pathname === own.pathname);
}

const notRegistered = (redirectUri: string): Problem => ({
  status: 409,
  title: 'Not ready yet',
  text: 'The authorization server does not know this page, so it would not send you back here.',
  advice:
    `Tell whoever sent you the link: ${redirectUri} has to be registered for the client, and stand ` +
    'in grant.redirectUris of the connection.',
});

async function disconnect(
  { authorization, temporal }: ConnectParts,
  answers: Answers,
  { c, signed, view }: Opened,
): Promise<Response> {
  const { connection, record } = view;
  if (actionsOf(connection, record).disconnect) {
    const lifecycle = {
      revoke: (connectionId: string, deadlineMs: number) =>
        // The record says it already: a worker goes on when Temporal is back.
        temporal().then(
          ({ lifecycle }) => lifecycle.revoke(connectionId, deadlineMs),
          () => 'unreachable' as const,
        ),
    };
    const { database } = authorization;
    await requestRevocation({ database, lifecycle }, connection.connectionId, REVOCATION_MS);
  }
  return answers.goTo(c, `/c/${signed}`);
}

async function device(
  { authorization, base }: ConnectParts,
  answers: Answers,
  { c, link, signed }: Opened,
): Promise<Response> {
  const authorizationId = c.req.param('authorization') ?? '';
  const found = await readAuthorization(authorization.database, authorizationId);
  const isOurs = found?.record.connectionId === link.connectionId && found.record.userCode !== null;
  if (!isOurs) return answers.problem(c, NOT_FOUND);
  return answers.page(c, authorizationPage(found.record, `${base}/c/${signed}`));
}
