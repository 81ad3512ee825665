import type { Server } from 'node:http';
import type { Command } from 'commander';
import { DEFAULT_CONNECT_PORT } from '../contract/connect-url.js';
import { wholeNumber } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import { CommandError, usageError } from './command-error.js';
import { connectUrlOf } from './connect-url.js';
import type { CliContext } from './context.js';

interface ConnectOptions extends JsonOption {
  host: string;
  port: number;
}

/** What `connect` prints when it serves. */
export interface ConnectResult {
  url: string;
  /** Null: no operators' token is set. */
  overviewUrl: string | null;
  host: string;
  port: number;
}

/** `connect`: serves the connect page until SIGTERM. */
export function defineConnect(command: Command, cli: Cli): void {
  command
    .option('--host <host>', 'listen on this address', '127.0.0.1')
    .option(
      '--port <port>',
      'listen on this port; 0: any',
      wholeNumber(0, 65_535),
      DEFAULT_CONNECT_PORT,
    )
    .action((options: ConnectOptions) =>
      cli.withContext(['MONGODB_URI', 'OAUTH_TOKENS_KEYS_FILE'], (context) =>
        serveUntilStopped(context, cli, options),
      ),
    );
}

async function serveUntilStopped(
  context: CliContext,
  cli: Cli,
  options: ConnectOptions,
): Promise<void> {
  const { config } = context;
  if (config.connect.url === null && options.host !== '127.0.0.1') {
    throw usageError('Set OAUTH_TOKENS_CONNECT_URL: under which address do browsers reach --host?');
  }
  const [{ createConnectApp }, { createAdaptorServer }] = await Promise.all([
    import('../connect/index.js'),
    import('@hono/node-server'),
  ]);
  await context.ownDatabase();
  const [keys, { client }, dataConverter] = await Promise.all([
    context.keys(),
    context.lazyTemporal(),
    context.dataConverter(),
  ]);
  // Listening comes first: which port it is stands in the URL.
  let answer: (request: Request, env: unknown) => Response | Promise<Response> = () =>
    new Response(null, { status: 503 });
  const server = createAdaptorServer({
    fetch: (request, env) => answer(request, env),
    overrideGlobalObjects: false,
    serverOptions: { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
  }) as Server;
  const port = await listen(server, options);
  const url = config.connect.url ?? connectUrlOf(null, port);
  const app = createConnectApp({
    ...{ publicUrl: url, mongodb: config.mongodbUri, keys, client, dataConverter },
    ...{ taskQueue: config.taskQueue, network: config.network },
    proxy: config.proxy ?? undefined,
    operatorToken: config.connect.token ?? undefined,
    uiUrl: config.uiUrl ?? undefined,
    // With TLS a proxy stands in front, and every address is the proxy's.
    clientAddress: url.startsWith('https:') ? undefined : (_, env) => addressOf(env),
    onWarning: (message) => cli.io.stderr.write(`${message}\n`),
  });
  answer = (request, env) => app.fetch(request, env);
  const { host } = options;
  const base = url.replace(/\/+$/, '');
  const overviewUrl = config.connect.token === null ? null : `${base}/overview`;
  cli.print(options, { url, overviewUrl, host, port }, servingText);
  await stopAsked();
  await end(server);
  await app.close();
}

const REQUEST_TIMEOUT_MS = 30_000;
/** Whoever has just come back with a code is answered still. */
const GRACE_MS = 10_000;

async function end(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await closed;
  clearTimeout(timer);
}

function listen(server: Server, { host, port }: ConnectOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', () => {
      const message = `Port ${port} of ${host} cannot be listened on; it may be in use.`;
      reject(
        new CommandError(message, { exitStatus: 1, type: 'Environment.invalid', final: true }),
      );
    });
    server.listen(port, host, () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}

/** The peer of the TCP connection; what a header says of it anybody may write. */
function addressOf(env: unknown): string | null {
  const { incoming } = env as { incoming?: { socket?: { remoteAddress?: string } } };
  return incoming?.socket?.remoteAddress ?? null;
}

function stopAsked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}

function servingText({ url, overviewUrl, host, port }: ConnectResult): string {
  const overview =
    overviewUrl === null
      ? 'No overview: OAUTH_TOKENS_CONNECT_TOKEN is not set.'
      : `The overview is at ${overviewUrl}`;
  return `connect page ready: ${url} (listening on ${host} port ${port})\n${overview}\n`;
}
