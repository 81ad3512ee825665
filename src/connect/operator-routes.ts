import type { Context, Hono } from 'hono';
import type { TokenState } from '../contract/messages.js';
import { isConnectionId, lifecycleWorkflowId } from '../contract/names.js';
import { workflowUrl } from '../contract/workflow-url.js';
import { listTokens, readConnections } from '../store/index.js';
import type { Answers } from './answers.js';
import { findConnection, type ConnectParts, type FoundConnection } from './connect-parts.js';
import { csrfToken, formLimit, readForm } from './forms.js';
import { hasSession, isOperatorToken, startSession } from './operator-session.js';
import {
  LINK_LIFETIMES,
  linkPage,
  operatorPage,
  overviewPage,
  signInPage,
  type Overview,
  type OverviewFilter,
} from './pages/operator-pages.js';
import { FOREIGN_FORM, NOT_FOUND } from './pages/problem-page.js';
import { STATE_LABELS, TROUBLE } from './state-words.js';

const PAGE_SIZE = 25;
const HOUR_MS = 3_600_000;
/** What every operator's form is for: a session protects them all alike. */
const FORM = 'operator';

type Handler = (c: Context) => Response | Promise<Response>;
type ConnectionHandler = (c: Context, found: FoundConnection) => Response | Promise<Response>;

/** The operators' overview; nothing is there without an operators' token. */
export function addOperatorRoutes(app: Hono, parts: ConnectParts, answers: Answers): void {
  if (parts.operatorToken === null) return;
  const { database } = parts.authorization;
  const signIn = async (c: Context, wrong: boolean) =>
    answers.page(c, signInPage(await place(parts, c), wrong));
  const signedIn = (handle: Handler) => async (c: Context) =>
    (await hasSession(parts, c)) ? handle(c) : signIn(c, false);
  const withForm =
    (handle: (c: Context, form: URLSearchParams) => ReturnType<Handler>) => async (c: Context) => {
      const form = await readForm(parts, c, FORM);
      return form === null ? answers.problem(c, FOREIGN_FORM) : handle(c, form);
    };
  const ofConnection = (handle: ConnectionHandler) => async (c: Context) => {
    const id = c.req.param('id');
    const found = isConnectionId(id) ? await findConnection(database, id) : null;
    return found === null ? answers.problem(c, NOT_FOUND) : handle(c, found);
  };

  app.get(
    '/overview',
    signedIn(async (c) =>
      answers.page(c, overviewPage(await place(parts, c), await overview(parts, c))),
    ),
  );
  app.post('/overview/sign-in', formLimit, (c) => {
    const waitMs = parts.limits.signIn('');
    if (waitMs > 0) return answers.tooMany(c, waitMs);
    return withForm(async (_, form) => {
      if (!isOperatorToken(parts, form.get('token') ?? '')) return signIn(c, true);
      await startSession(parts, c);
      return answers.goTo(c, '/overview');
    })(c);
  });
  app.post(
    '/overview/sign-out',
    formLimit,
    withForm((c) => {
      parts.cookies.setSession(c, null);
      return answers.goTo(c, '/overview');
    }),
  );
  app.get(
    '/overview/:id',
    signedIn(
      ofConnection(async (c, found) => {
        const hasUi = parts.uiUrl !== null;
        return answers.page(c, operatorPage(await place(parts, c), { ...found, hasUi }));
      }),
    ),
  );
  app.get(
    '/overview/:id/run',
    signedIn(ofConnection((c, found) => toRun(parts, answers, { c, found }))),
  );
  app.post(
    '/overview/:id/link',
    formLimit,
    signedIn(
      ofConnection((c, found) =>
        withForm((_, form) => makeLink(parts, answers, { c, found, form }))(c),
      ),
    ),
  );
}

async function place(parts: ConnectParts, c: Context) {
  const csrf = await csrfToken(parts, parts.cookies.browser(c), FORM);
  return { path: `${parts.base}/overview`, csrf };
}

/** One page, by index; one row more than shown says whether there is another. */
async function overview({ authorization }: ConnectParts, c: Context): Promise<Overview> {
  const { database } = authorization;
  const filter: OverviewFilter = {
    prefix: (c.req.query('q') ?? '').trim().slice(0, 128),
    state: stateOf(c.req.query('state')),
  };
  const asked = c.req.query('after');
  const after = isConnectionId(asked) ? asked : null;
  const { prefix, state } = filter;
  const states = state === '' ? {} : { states: state === 'trouble' ? TROUBLE : [state] };
  const records = await listTokens(database, { limit: PAGE_SIZE + 1, after, prefix, ...states });
  const shown = records.slice(0, PAGE_SIZE);
  const found = await readConnections(
    database,
    shown.map(({ connectionId }) => connectionId),
  );
  const byId = new Map(found.map((connection) => [connection.connectionId, connection]));
  const query = (more: Record<string, string>): string =>
    new URLSearchParams({ q: prefix, state, ...more }).toString();
  const last = shown.at(-1)?.connectionId ?? '';
  return {
    rows: shown.map((record) => ({ record, connection: byId.get(record.connectionId) ?? null })),
    filter,
    next: records.length > PAGE_SIZE ? query({ after: last }) : null,
    first: after === null ? null : query({}),
  };
}

function stateOf(text: string | undefined): OverviewFilter['state'] {
  if (text === 'trouble') return text;
  return text !== undefined && Object.hasOwn(STATE_LABELS, text) ? (text as TokenState) : '';
}

interface AboutConnection {
  c: Context;
  found: FoundConnection;
}

/** To the newest run, at the address that the deployment's own configuration names. */
async function toRun(
  { temporal, uiUrl }: ConnectParts,
  answers: Answers,
  { c, found }: AboutConnection,
): Promise<Response> {
  const { connectionId } = found.connection;
  const { lifecycle, namespace } = await temporal();
  const run = uiUrl === null ? null : await lifecycle.describe(connectionId);
  if (run === null) {
    return answers.problem(c, {
      status: 404,
      title: 'No run yet',
      text: `Nobody has needed the token of ${connectionId} so far, so its workflow never ran.`,
      advice: 'It starts when a caller asks for the token.',
    });
  }
  const workflowId = lifecycleWorkflowId(connectionId);
  const url = workflowUrl('', { namespace, workflowId, runId: run.runId }, uiUrl);
  return url === null ? answers.problem(c, NOT_FOUND) : c.redirect(url, 303);
}

async function makeLink(
  parts: ConnectParts,
  answers: Answers,
  { c, found, form }: AboutConnection & { form: URLSearchParams },
): Promise<Response> {
  const { connectionId } = found.connection;
  const from = (form.get('from') ?? '').trim();
  const hours = form.get('hours') ?? '';
  if (from === '' || !LINK_LIFETIMES.some(([known]) => known === hours)) {
    return answers.problem(c, { ...FOREIGN_FORM, status: 400 });
  }
  const made = await parts.links.make({
    ...{ connectionId, from, lifetimeMs: Number(hours) * HOUR_MS },
  });
  return answers.page(c, linkPage(await place(parts, c), connectionId, made));
}
