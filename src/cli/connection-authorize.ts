import type { Command } from 'commander';
import { createRedemptionClient } from '../authorizations/index.js';
import type { StoredConnection } from '../contract/connection-record.js';
import type { TokenRef } from '../contract/messages.js';
import { failure } from '../failures.js';
import { readConnection } from '../store/index.js';
import { parseConnectionId, timeoutOption, wholeNumber } from './arguments.js';
import { authorizeInBrowser } from './authorize-in-browser.js';
import { authorizeOnDevice } from './authorize-on-device.js';
import type { AuthorizeOptions, AuthorizeTarget } from './authorize-parts.js';
import type { Cli } from './cli.js';
import { CommandError } from './command-error.js';
import type { CliContext } from './context.js';
import { fieldLines, timeText } from './output.js';
import { waitForRedemption } from './redemption-wait.js';
import { whoIsThis } from './who-is-this.js';

const TIMEOUT_MS = 600_000;

/** What `connection authorize` prints: the token's ref, and by which authorization it came. */
export interface AuthorizeResult extends TokenRef {
  authorizationId: string;
}

/** `connection authorize`: a person consents, in a browser on this machine or on any device. */
export function defineConnectionAuthorize(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'the connection', parseConnectionId)
    .addOption(timeoutOption('how long to wait for the person and the tokens', TIMEOUT_MS))
    .option('--no-browser', 'print the link instead of opening it')
    .option(
      '--port <port>',
      'listen on this port for the browser, for servers that know the redirect URI with it',
      wholeNumber(1, 65_535),
    )
    .option('--accept-new-subject', 'let somebody else consent than before')
    .action((connectionId: string, options: AuthorizeOptions) =>
      cli.withContext(['MONGODB_URI', 'OAUTH_TOKENS_KEYS_FILE'], async (context) => {
        const result = await authorize(context, cli, { connectionId, options });
        cli.print(options, result, authorizedText);
      }),
    );
}

async function authorize(
  context: CliContext,
  cli: Cli,
  { connectionId, options }: { connectionId: string; options: AuthorizeOptions },
): Promise<AuthorizeResult> {
  const deadline = performance.now() + options.timeout;
  const target = await targetOf(context, cli);
  const read = await readConnection(target.parts.database, connectionId);
  if (read === null) throw failure('Connection.not_found', { connectionId });
  const authorizeThere = wayOf(read.connection);
  const authorizationId = await authorizeThere(target, read.connection, { ...options, deadline });
  const token = await waitForRedemption(context, cli, { authorizationId, deadline });
  return { ...token, authorizationId };
}

/** What can be wrong with the environment is found before a person is asked. */
async function targetOf(context: CliContext, cli: Cli): Promise<AuthorizeTarget> {
  const [database, keys, network, dataConverter] = await Promise.all([
    context.ownDatabase(),
    context.keys(),
    context.network(),
    context.dataConverter(),
  ]);
  const { connection } = await context.temporal();
  const { namespace, taskQueue } = context.config;
  const where = { connection, namespace, taskQueue, dataConverter };
  return {
    parts: { database, keys, network },
    redemptions: createRedemptionClient(where),
    ...{ cli, startedBy: whoIsThis() },
  };
}

function wayOf({ grant }: StoredConnection): typeof authorizeInBrowser {
  if (grant.grantType === 'authorization_code') return authorizeInBrowser;
  if (grant.grantType === 'device_code') return authorizeOnDevice;
  const message =
    `grant.grantType is ${grant.grantType}: no person is asked. ` +
    'Only authorization_code and device_code are.';
  throw new CommandError(message, { exitStatus: 2, type: 'Connection.invalid', final: true });
}

function authorizedText(result: AuthorizeResult): string {
  const fields = fieldLines([
    ['token', `${result.tokenType}, epoch ${result.epoch}, generation ${result.generation}`],
    ['scope', result.scope],
    ['expires', timeText(result.expiresAt) ?? 'not known'],
  ]);
  return `Connection ${result.connectionId} is authorized.\n${fields}`;
}
