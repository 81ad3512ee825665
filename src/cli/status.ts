import type { Command } from 'commander';
import type { ConnectionStatus } from '../contract/messages.js';
import { lifecycleWorkflowId } from '../contract/names.js';
import type { RotationEvidence, RotationProfile } from '../contract/rotation-profile.js';
import { statusOf } from '../contract/token-record.js';
import { failure } from '../failures.js';
import { readConnection, readToken } from '../store/index.js';
import { parseConnectionId } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import { REQUEST_MS, type CliContext } from './context.js';
import { fieldLines, timeText } from './output.js';
import { revokedText } from './revoke.js';
import { workflowUrl } from '../contract/workflow-url.js';

/** What MongoDB knows of a connection's token. */
interface RecordStatus extends ConnectionStatus {
  /** How the authorization server rotates refresh tokens: as declared, and as seen. */
  rotation: { declared: RotationProfile; seen: RotationEvidence };
}

/** What `status` prints (contract §6). */
export interface StatusResult extends RecordStatus {
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

async function readStatus(context: CliContext, connectionId: string): Promise<RecordStatus> {
  const database = await context.database();
  const [token, connection] = await Promise.all([
    readToken(database, connectionId),
    readConnection(database, connectionId),
  ]);
  if (token === null || connection === null) {
    throw failure('Connection.not_found', { connectionId });
  }
  const { lifetime, grant } = connection.connection;
  return {
    ...statusOf(token.record, lifetime.refresh),
    rotation: { declared: grant.rotation, seen: token.record.rotationEvidence },
  };
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
    const address = { namespace, workflowId, runId: run.runId };
    const url = workflowUrl(context.temporalAddress, address, context.config.uiUrl);
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
    ['refresh token ends', timeText(status.refreshTokenExpiresAt)],
    ...revocationFields(status.revocation),
    ['rotation', rotationText(status.rotation)],
    ['workflow', workflow === null ? 'not running' : `${workflow.workflowId}, ${workflow.status}`],
    ['', workflow?.url ?? null],
  ]);
  return `Connection ${status.connectionId}\n${fields}`;
}

function revocationFields(revocation: StatusResult['revocation']): [string, string | null][] {
  if (revocation === null) return [];
  return [
    ['revocation asked for', timeText(revocation.requestedAt)],
    ['revocation ended', timeText(revocation.endedAt)],
    ['  refresh token', revokedText(revocation.refreshToken)],
    ['  access token', revokedText(revocation.accessToken)],
  ];
}

/** Null where no refresh token was ever sent and nothing is declared about it. */
function rotationText({ declared, seen }: RecordStatus['rotation']): string | null {
  const { sameTokenReturned, newTokenReturned, oldTokenAcceptedAfterUnknown } = seen;
  const answers = sameTokenReturned + newTokenReturned;
  if (declared === null && answers === 0) return null;
  const profile =
    typeof declared === 'object' && declared !== null
      ? `grace of ${declared.graceMs} ms`
      : (declared ?? 'not declared');
  const after =
    oldTokenAcceptedAfterUnknown === 0
      ? ''
      : `, an old one taken after a lost answer ${oldTokenAcceptedAfterUnknown} times`;
  return `${profile}; a new refresh token in ${newTokenReturned} of ${answers} answers${after}`;
}
