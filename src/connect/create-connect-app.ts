import type { Client } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { Hono, type Context } from 'hono';
import type { MongoClient } from 'mongodb';
import { createRedemptionClient } from '../authorizations/index.js';
import { connectUrlProblem } from '../contract/connect-url.js';
import { DEFAULT_TASK_QUEUE } from '../contract/names.js';
import { InputError, placesOf } from '../failures.js';
import { createNetwork, type NetworkMode } from '../network.js';
import {
  createFileKeyProvider,
  deploymentMismatch,
  openDatabase,
  readDeployment,
  type KeyProvider,
} from '../store/index.js';
import { createLifecycleClient } from '../tokens/index.js';
import { createAnswers, problemOfError, type Answers } from './answers.js';
import { ASSETS } from './assets.js';
import { addCallbackRoutes } from './callback-routes.js';
import type { ConnectParts, TemporalParts } from './connect-parts.js';
import { createCookies } from './cookies.js';
import { createLinks, type MadeLink, type NewLink } from './links.js';
import { createMessageAuth } from './message-auth.js';
import { addOperatorRoutes } from './operator-routes.js';
import { NOT_FOUND, type Problem } from './pages/problem-page.js';
import { addPersonRoutes } from './person-routes.js';
import { createRateLimit } from './rate-limit.js';
import { requestRules } from './request-rules.js';

/** How a connect page is made. */
export interface ConnectAppOptions {
  /** Base URL under which browsers reach it: https, or http on this machine. It may have a path. */
  publicUrl: string;
  /** A client of one's own, which stays one's own to close, or a URI. */
  mongodb: MongoClient | string;
  /** Where sealing keys come from, or the path of a key file; with `grant` keys. */
  keys: KeyProvider | string;
  /** How Temporal is reached. */
  client: Client;
  /** Task queue of the token deployment. Default: the one recorded in MongoDB. */
  taskQueue?: string | undefined;
  /** The token deployment's data converter; the client's own is never used. */
  dataConverter?: DataConverter | undefined;
  /** Which addresses of authorization servers may be reached. Default `public`. */
  network?: NetworkMode | undefined;
  /** URL of a proxy on the way to authorization servers. */
  proxy?: string | undefined;
  /** What operators sign in with, at least 24 characters. Without it there is no overview. */
  operatorToken?: string | undefined;
  /** Where the Temporal UI is, for links. */
  uiUrl?: string | undefined;
  /**
   * Who sends a request, for the limit of requests; `env` is what the server gave to `fetch`. Not
   * given: everybody shares one limit.
   */
  clientAddress?: ((request: Request, env: unknown) => string | null) | undefined;
  /** Told of errors that nobody expected, in our own words: an error's class and its places. */
  onWarning?: ((message: string) => void) | undefined;
}

/** The connect page as a fetch handler, for one's own server. */
export interface ConnectApp {
  fetch(request: Request, env?: unknown): Response | Promise<Response>;
  /**
   * Makes a link that opens the page of one connection.
   *
   * @throws AuthorizationError `Connection.not_found`; StoreError
   */
  makeLink(link: NewLink): Promise<MadeLink>;
  /** Closes what it opened. */
  close(): Promise<void>;
}

const SHORTEST_TOKEN = 24;
/** Of one address; of everybody where addresses are not known. */
const REQUESTS = { known: { burst: 120, everyMs: 200 }, all: { burst: 600, everyMs: 20 } };
const BEGIN = { burst: 8, everyMs: 10_000 };
const SIGN_IN = { burst: 10, everyMs: 6_000 };
const FORGED_LINKS = { burst: 60, everyMs: 1_000 };

/**
 * Makes the connect page. Nothing is opened or sent before the first request.
 *
 * @throws InputError when an option is wrong
 */
export function createConnectApp(options: ConnectAppOptions): ConnectApp {
  const publicUrl = checkedUrl(options);
  const { keys: given, mongodb, network: mode = 'public', proxy } = options;
  const keys = typeof given === 'string' ? createFileKeyProvider(given) : given;
  const database = openDatabase(mongodb);
  const network = createNetwork({ mode, proxy });
  const url = new URL(publicUrl);
  const links = createLinks({ database, keys }, publicUrl);
  const parts: ConnectParts = {
    ...{ publicUrl, links },
    base: url.pathname.replace(/\/+$/, ''),
    authorization: { database, keys, network },
    temporal: temporalParts(options, () => readDeployment(database)),
    auth: createMessageAuth(keys),
    cookies: createCookies(url.protocol === 'https:'),
    operatorToken: options.operatorToken ?? null,
    uiUrl: options.uiUrl ?? null,
    limits: {
      begin: createRateLimit(BEGIN),
      signIn: createRateLimit(SIGN_IN),
      links: createRateLimit(FORGED_LINKS),
    },
  };
  const app = createRoutes(parts, options);
  return {
    fetch: (request, env) => app.fetch(request, env ?? {}),
    makeLink: (link) => links.make(link),
    async close() {
      await Promise.all([database.close(), network.close()]);
    },
  };
}

function checkedUrl({ publicUrl, operatorToken }: ConnectAppOptions): string {
  const problem = connectUrlProblem(publicUrl);
  if (problem !== null) throw new InputError(`publicUrl: ${problem}.`);
  if (operatorToken !== undefined && operatorToken.length < SHORTEST_TOKEN) {
    throw new InputError(`operatorToken: must have at least ${SHORTEST_TOKEN} characters.`);
  }
  return new URL(publicUrl).href.replace(/\/+$/, '');
}

function createRoutes(parts: ConnectParts, options: ConnectAppOptions): Hono {
  const { clientAddress, onWarning = () => undefined } = options;
  const answers = createAnswers(parts.base);
  const app = new Hono();
  app.use(
    requestRules({
      ...{ publicUrl: parts.publicUrl, answers },
      clientAddress: (c: Context) => clientAddress?.(c.req.raw, c.env) ?? null,
      limit: createRateLimit(clientAddress === undefined ? REQUESTS.all : REQUESTS.known),
    }),
  );
  const pages = new Hono();
  addAssets(pages);
  pages.get('/', (c) => answers.problem(c, WELCOME));
  addPersonRoutes(pages, parts, answers);
  addCallbackRoutes(pages, parts, answers);
  addOperatorRoutes(pages, parts, answers);
  app.route(parts.base === '' ? '/' : parts.base, pages);
  app.notFound((c) => answers.problem(c, NOT_FOUND));
  app.onError((error, c) => failed(answers, c, { error, onWarning }));
  return app;
}

const WELCOME: Problem = {
  status: 200,
  title: 'Connect an account',
  text: 'Accounts are connected here, each by a link of its own.',
  advice: 'Open the link that you were given.',
};

function addAssets(app: Hono): void {
  for (const { name, type, body } of ASSETS) {
    app.get(`/${name}`, (c) =>
      c.body(body, 200, {
        'content-type': type,
        'cache-control': 'public, max-age=31536000, immutable',
      }),
    );
  }
}

/** Of an error that is not ours its class and places are told, never its message. */
function failed(
  answers: Answers,
  c: Context,
  { error, onWarning }: { error: unknown; onWarning: (message: string) => void },
): Response | Promise<Response> {
  const problem = problemOfError(error);
  const name = error instanceof Error && /^\w{1,64}$/.test(error.name) ? error.name : 'error';
  const places = error instanceof Error ? placesOf(error) : '';
  const what = problem.type ?? `Unexpected ${name}`;
  onWarning(`${c.req.method} ${c.req.routePath}: ${what}\n${places}`);
  return answers.problem(c, problem);
}

function temporalParts(
  { client, taskQueue: wanted, dataConverter }: ConnectAppOptions,
  recordedDeployment: () => ReturnType<typeof readDeployment>,
): () => Promise<TemporalParts> {
  let found: Promise<TemporalParts> | null = null;
  const find = async (): Promise<TemporalParts> => {
    const recorded = await recordedDeployment();
    const { namespace } = client.options;
    const taskQueue = wanted ?? recorded?.taskQueue ?? DEFAULT_TASK_QUEUE;
    const mismatch = deploymentMismatch(recorded, { namespace, taskQueue });
    if (mismatch !== null) throw new InputError(mismatch);
    const where = { connection: client.connection, namespace, taskQueue, dataConverter };
    return {
      redemptions: createRedemptionClient(where),
      lifecycle: createLifecycleClient(where),
      namespace,
    };
  };
  return () => {
    found ??= find().catch((error: unknown) => {
      found = null;
      throw error;
    });
    return found;
  };
}
