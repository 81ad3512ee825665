import type { Command } from 'commander';
import type { CallApiInput, CallApiResult } from '../contract/messages.js';
import { failure, failureTypeOf } from '../failures.js';
import { readConnection } from '../store/index.js';
import { apiRulesOf, createTokenSource, executeApiCall } from '../tokens/index.js';
import { parseConnectionId, timeoutOption } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import { CommandError, usageError } from './command-error.js';
import type { CliContext } from './context.js';
import { durationText } from './durations.js';
import { reportError } from './errors.js';
import { whyNoAnswer } from './pollers.js';

interface CallOptions extends JsonOption {
  header?: Record<string, string>;
  data?: string;
  fail?: boolean;
  timeout: number;
}

/** `call`: one API call with the connection's token, made in this process. */
export function defineCall(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'the connection', parseConnectionId)
    .argument('<method>', 'GET, POST, …')
    .argument('<url>', "absolute URL on one of the connection's allowed origins")
    .option('-H, --header <name:value>', 'a request header; may be repeated', addHeader)
    .option('-d, --data <body>', 'the request body')
    .option('--fail', 'exit with 1 when the API answers with 400 or more')
    .addOption(timeoutOption('how long to wait for a token, and then for the API'))
    .action((connectionId: string, method: string, url: string, options: CallOptions) =>
      cli.withContext(['MONGODB_URI', 'OAUTH_TOKENS_KEYS_FILE'], async (context) => {
        const result = await call(context, {
          ...{ connectionId, method, url },
          headers: options.header ?? {},
          ...(options.data === undefined ? {} : { body: options.data }),
          timeoutMs: options.timeout,
        });
        cli.print(options, result, callText);
        if (options.fail !== true || result.status < 400) return;
        cli.exitStatus = 1;
        reportError(refusedBy(result), cli.io);
      }),
    );
}

function addHeader(text: string, headers: Record<string, string> = {}): Record<string, string> {
  const colon = text.indexOf(':');
  if (colon < 1) throw usageError('-H must be NAME:VALUE.');
  return { ...headers, [text.slice(0, colon).trim()]: text.slice(colon + 1).trim() };
}

async function call(
  context: CliContext,
  input: CallApiInput & { timeoutMs: number },
): Promise<CallApiResult> {
  const { connectionId } = input;
  const database = await context.database();
  const found = await readConnection(database, connectionId);
  if (found === null) throw failure('Connection.not_found', { connectionId });
  const { client } = await context.lazyTemporal();
  const { namespace, taskQueue, network, proxy } = context.config;
  const tokens = createTokenSource({
    mongodb: database.client,
    keys: await context.keys(),
    ...{ client, namespace, taskQueue, network },
    proxy: proxy ?? undefined,
    dataConverter: await context.dataConverter(),
    waitMs: input.timeoutMs,
  });
  try {
    return await executeApiCall(tokens, apiRulesOf(found.connection), input);
  } catch (error) {
    throw failureTypeOf(error) === 'Token.refresh_in_progress'
      ? await stillWaiting(context, input)
      : error;
  } finally {
    await tokens.close();
  }
}

async function stillWaiting(
  context: CliContext,
  { connectionId, timeoutMs }: CallApiInput & { timeoutMs: number },
): Promise<CommandError> {
  return new CommandError(
    `No token of connection ${connectionId} from its lifecycle within ${durationText(timeoutMs)}. ` +
      (await whyNoAnswer(context)),
    { exitStatus: 1, type: 'Token.refresh_in_progress', final: false },
  );
}

function refusedBy({ status }: CallApiResult): CommandError {
  const final = status < 500 && status !== 408 && status !== 429;
  return new CommandError(`The API answered with ${status}.`, {
    exitStatus: 1,
    type: 'Api.status',
    final,
  });
}

function callText({ status, headers, body, bodyEncoding }: CallApiResult): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`);
  const encoded = bodyEncoding === undefined ? '' : ' (body in base64)';
  const end = body === '' || body.endsWith('\n') ? '' : '\n';
  return `HTTP ${status}${encoded}\n${lines.join('')}\n${body}${end}`;
}
