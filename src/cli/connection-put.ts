import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  putConnection,
  withoutNewline,
  type PutInput,
  type PutResult,
  type SecretName,
} from '../connections/index.js';
import { Secret } from '../secret.js';
import type { Cli, JsonOption } from './cli.js';
import { usageError } from './command-error.js';
import type { CliContext } from './context.js';
import { readAll } from './io.js';
import { fieldLines } from './output.js';
import { whoIsThis } from './who-is-this.js';

interface PutOptions extends JsonOption {
  file: string;
  clientSecretStdin?: boolean;
  refreshTokenStdin?: boolean;
}

/** `connection put`: registers a connection or changes it. */
export function defineConnectionPut(command: Command, cli: Cli): void {
  command
    .requiredOption('-f, --file <file>', 'the connection file; - is standard input')
    .option('--client-secret-stdin', 'read the client secret from standard input')
    .option('--refresh-token-stdin', 'read the refresh token from standard input')
    .action((options: PutOptions) =>
      cli.withContext(['MONGODB_URI', 'OAUTH_TOKENS_KEYS_FILE'], async (context) => {
        const input = await readInput(cli, options);
        const result = await put(context, input, cli);
        cli.print(options, result, putText);
      }),
    );
}

async function put(context: CliContext, input: PutInput, cli: Cli): Promise<PutResult> {
  // What can be wrong with the environment is found before anything is written.
  await context.dataConverter();
  const [database, keys, network] = await Promise.all([
    context.ownDatabase(),
    context.keys(),
    context.network(),
  ]);
  return putConnection(
    {
      database,
      keys,
      network,
      environment: cli.io.env,
      updatedBy: whoIsThis(),
      lifecycle: {
        configure: async (...call) => (await context.lifecycle()).configure(...call),
        describe: async (id) => (await context.lifecycle()).describe(id),
        wake: (id) => context.wake(id),
      },
      warn: (message) => cli.note(`note: The connection is put. ${message}`),
    },
    input,
  );
}

async function readInput(cli: Cli, options: PutOptions): Promise<PutInput> {
  const { file, clientSecretStdin = false, refreshTokenStdin = false } = options;
  const wanted = [file === '-', clientSecretStdin, refreshTokenStdin].filter(Boolean).length;
  if (wanted > 1) {
    throw usageError(
      'Standard input can be one thing only: -f -, --client-secret-stdin or --refresh-token-stdin.',
    );
  }
  const stdin = wanted === 1 ? await readAll(cli.io.stdin) : '';
  const text = file === '-' ? stdin : await readText(file);
  const given: Partial<Record<SecretName, Secret>> = {};
  if (clientSecretStdin) given.clientSecret = new Secret(withoutNewline(stdin));
  if (refreshTokenStdin) given.refreshToken = new Secret(withoutNewline(stdin));
  return {
    file: parseJson(text, file),
    directory: file === '-' ? process.cwd() : dirname(resolve(file)),
    given,
  };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw usageError(`The connection file ${file} cannot be read.`);
  }
}

/** The parser's own message quotes the file, in which a secret may stand by mistake. */
function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, '')) as unknown;
  } catch (error) {
    const name = file === '-' ? 'Standard input' : `The connection file ${file}`;
    throw usageError(`${name} is not JSON${placeOf(error, text)}.`);
  }
}

/** Line and column, where the parser says the position. */
function placeOf(error: unknown, text: string): string {
  const position = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
  if (position === undefined) return '';
  const before = text.slice(0, Number(position)).split('\n');
  return `: see line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

function putText({ connectionId, created, changed, epoch, generation, state }: PutResult): string {
  const what = created ? 'registered' : changed.length === 0 ? 'unchanged' : 'changed';
  const fields = fieldLines([
    ['changed', changed.length === 0 ? null : changed.join(', ')],
    ['state', state],
    ['epoch', epoch],
    ['generation', generation],
  ]);
  return `Connection ${connectionId} ${what}.\n${fields}`;
}
