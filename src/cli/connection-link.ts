import type { Command } from 'commander';
import { parseConnectionId } from './arguments.js';
import { parseDuration } from './durations.js';
import type { Cli, JsonOption } from './cli.js';
import { connectUrlOf } from './connect-url.js';
import { timeText } from './output.js';
import { whoIsThis } from './who-is-this.js';

interface LinkOptions extends JsonOption {
  expires: number;
  from: string;
}

/** What `connection link` prints. */
export interface LinkResult {
  connectionId: string;
  /** Opens the connection's page for whoever has it. */
  url: string;
  expiresAt: string;
}

const DAY_MS = 86_400_000;

/** `connection link`: a link that opens the page of one connection, for its person. */
export function defineConnectionLink(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'the connection', parseConnectionId)
    .option('--expires <time>', 'how long it opens the page, at most 90d', parseDuration, DAY_MS)
    .option('--from <who>', 'who asks, as the person knows you', whoIsThis())
    .action((connectionId: string, options: LinkOptions) =>
      cli.withContext(['MONGODB_URI', 'OAUTH_TOKENS_KEYS_FILE'], async (context) => {
        const { createLinks } = await import('../connect/links.js');
        const [database, keys] = await Promise.all([context.database(), context.keys()]);
        const links = createLinks({ database, keys }, connectUrlOf(context.config.connect.url));
        const { expires: lifetimeMs, from } = options;
        const { url, expiresAt } = await links.make({ connectionId, lifetimeMs, from });
        const result = { connectionId, url, expiresAt: expiresAt.toISOString() };
        cli.print(options, result, linkText);
        cli.note('Send it to the person whose account it is, and to nobody else.');
      }),
    );
}

/** The link alone on standard output, to be piped. */
function linkText({ url, expiresAt }: LinkResult): string {
  return `${url}\nexpires ${timeText(expiresAt)}\n`;
}
