import type { Command } from 'commander';
import type { ConnectionStatus } from '../contract/messages.js';
import { statusOf } from '../contract/token-record.js';
import { parseConnectionId, wholeNumber } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import type { CliContext } from './context.js';
import { tableLines, timeText } from './output.js';

interface ListOptions extends JsonOption {
  limit: number;
  after?: string;
}

/** What `connection list` prints (contract §6). */
export interface ListResult {
  connections: ConnectionStatus[];
  /** For `--after`, to go on; null: that was all. */
  next: string | null;
}

/** `connection list`: one page of connections, in the order of their ids. */
export function defineConnectionList(command: Command, cli: Cli): void {
  command
    .option('--limit <n>', 'how many at most', wholeNumber(1, 1_000), 100)
    .option('--after <id>', 'go on after this connection', parseConnectionId)
    .action((options: ListOptions) =>
      cli.withContext(['MONGODB_URI'], async (context) => {
        cli.print(options, await list(context, options), listText);
      }),
    );
}

async function list(
  context: CliContext,
  { limit, after = null }: { limit: number; after?: string | null },
): Promise<ListResult> {
  const { listTokens, readConnections } = await import('../store/index.js');
  const database = await context.database();
  // One more than asked for says whether there is a next page.
  const records = await listTokens(database, { limit: limit + 1, after });
  const page = records.slice(0, limit);
  const found = await readConnections(
    database,
    page.map(({ connectionId }) => connectionId),
  );
  const refresh = new Map(found.map((c) => [c.connectionId, c.lifetime.refresh]));
  return {
    connections: page.map((r) => statusOf(r, refresh.get(r.connectionId) ?? 'on-demand')),
    next: records.length > limit ? (page.at(-1)?.connectionId ?? null) : null,
  };
}

function listText({ connections, next }: ListResult): string {
  if (connections.length === 0) return 'No connections.\n';
  const rows = connections.map((status) => [
    status.connectionId,
    status.state,
    `${status.epoch}.${status.generation}`,
    timeText(status.expiresAt) ?? '-',
    status.lastOutcome?.type ?? status.lastOutcome?.outcome ?? '-',
  ]);
  const table = tableLines(['connection', 'state', 'token', 'expires', 'last outcome'], rows);
  return next === null ? table : `${table}More: --after ${next}\n`;
}
