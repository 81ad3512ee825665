import type { Command } from 'commander';
import type { ConnectionStatus } from '../contract/messages.js';
import { lifecycleWorkflowId } from '../contract/names.js';
import { statusOf } from '../contract/token-record.js';
import { failure } from '../failures.js';
import { readConnection, readToken } from '../store/index.js';
import { parseConnectionId } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import { REQUEST_MS, type CliContext } from './context.js';
import { fieldLines, timeText } from './output.js';
import { workflowUrl } from './workflow-url.js';

/** What `status` prints (contract §6). */
export interface StatusResult extends ConnectionStatus {
  workflow: { workflowId: string; runId: string; status: string; url: string | null } | null;
}

/** `status`: where a connection's token stands; from MongoDB, so it works without a worker. */
export function defineStatus(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'the connection', parseConnectionId)
    .action((connectionId: string, options: JsonOption) =>
      cli.withContext(['MONGODB_URI'], async (context) => {
        const [status, workflow] = await Promise.all([
          readStatus(context, connectionId),
          findWorkflow(context, connectionId),
        ]);
        if (workflow === undefined) {
          cli.note(
            `note: Temporal at ${context.temporalAddress} does not answer; the workflow is not shown.`,
          );
        }
        cli.print(options, { ...status, workflow: workflow ?? null }, statusText);
      }),
    );
}

async function readStatus(context: CliContext, connectionId: string): Promise<ConnectionStatus> {
  const database = await context.database();
  const [token, connection] = await Promise.all([
    readToken(database, connectionId),
    readConnection(database, connectionId),
  ]);
  if (token === null || connection === null) {
    throw failure('Connection.not_found', { connectionId });
  }
  return statusOf(token.record, connection.connection.lifetime.refresh);
}

/** Undefined: Temporal could not be asked. */
async function findWorkflow(
  context: CliContext,
  connectionId: string,
): Promise<StatusResult['workflow'] | undefined> {
  await context.dataConverter();
  try {
    const { connection } = await context.temporal();
    const lifecycle = await context.lifecycle();
    const run = await connection.withDeadline(Date.now() + REQUEST_MS, () =>
      lifecycle.describe(connectionId),
    );
    if (run === null) return null;
    const workflowId = lifecycleWorkflowId(connectionId);
    const { namespace } = context.config;
    const url = workflowUrl(context.temporalAddress, { namespace, workflowId, runId: run.runId });
    return { workflowId, ...run, url };
  } catch {
    return undefined;
  }
}

function statusText(status: StatusResult): string {
  const { lastOutcome, invalid, workflow } = status;
  const fields = fieldLines([
    ['state', status.state],
    ['token', `epoch ${status.epoch}, generation ${status.generation}`],
    ['scope', status.scope],
    ['issued', timeText(status.issuedAt)],
    ['expires', timeText(status.expiresAt)],
    ['refresh due', timeText(status.refreshAfter)],
    ['next refresh', timeText(status.nextRefreshAt)],
    ['invalid', invalid === null ? null : `${invalid.reason}, ${timeText(invalid.at)}`],
    ['failures', status.failures === 0 ? null : status.failures],
    ['retry at', timeText(status.retryAt)],
    [
      'last outcome',
      lastOutcome === null
        ? null
        : `${lastOutcome.type ?? lastOutcome.outcome}, ${timeText(lastOutcome.at)}`,
    ],
    ['workflow', workflow === null ? 'not running' : `${workflow.workflowId}, ${workflow.status}`],
    ['', workflow?.url ?? null],
  ]);
  return `Connection ${status.connectionId}\n${fields}`;
}
