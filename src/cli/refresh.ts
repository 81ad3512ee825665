import type { Command } from 'commander';
import { deadDecision } from '../contract/decide-caller.js';
import type { EnsureTokenInput, EnsureTokenResult } from '../contract/messages.js';
import { tokenRefOf, type TokenRecord } from '../contract/token-record.js';
import { failure, recordedFailure } from '../failures.js';
import { readToken } from '../store/index.js';
import { parseConnectionId, timeoutOption } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import { CommandError } from './command-error.js';
import type { CliContext } from './context.js';
import { durationText } from './durations.js';
import { reportError } from './errors.js';
import { fieldLines, timeText } from './output.js';
import { whyNoAnswer } from './pollers.js';

interface RefreshOptions extends JsonOption {
  timeout: number;
}

/** Callers that ask again share one update for so long (design §5.4). */
const BUCKET_MS = 10_000;
/** The handler answers after 20 s at the latest. */
const ANSWER_MS = 25_000;
const PAUSE_MS = 500;

/** `refresh`: has a new token issued now, whatever the stored one is like. */
export function defineRefresh(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'the connection', parseConnectionId)
    .addOption(timeoutOption('how long to wait'))
    .action((connectionId: string, options: RefreshOptions) =>
      cli.withContext(['MONGODB_URI'], async (context) => {
        const result = await refresh(context, connectionId, options.timeout);
        cli.print(options, result, refreshText);
        if (result.outcome !== 'failed') return;
        cli.exitStatus = 1;
        reportError(failedResult(connectionId, result), cli.io);
      }),
    );
}

async function refresh(
  context: CliContext,
  connectionId: string,
  timeoutMs: number,
): Promise<EnsureTokenResult> {
  const deadline = performance.now() + timeoutMs;
  await context.ownDatabase();
  const seen = await readRecord(context, connectionId);
  const lifecycle = await context.lifecycle();
  const input: EnsureTokenInput = {
    epoch: seen.epoch,
    generation: seen.generation,
    minValidMs: 0,
    reason: 'forced',
  };
  for (let record = seen; ; record = await readRecord(context, connectionId)) {
    // The answer is a hint: what counts is that the record has moved on.
    if (hasMoved(record, seen)) return issuedResult(record);
    const dead = deadDecision(record);
    if (dead !== null) return deadResult(dead.type);
    const rest = deadline - performance.now();
    if (rest <= 0) throw await timedOut(context, connectionId, timeoutMs);
    // Under the plain key an answer given to another question earlier would come back.
    const bucket = Math.floor(Date.now() / BUCKET_MS);
    const { incarnation, epoch, generation, failures } = record;
    const key = { incarnation, epoch, generation, failures, bucket };
    const answer = await lifecycle.ensureToken(connectionId, key, input, Math.min(rest, ANSWER_MS));
    if (answer.outcome === 'unreachable') throw failure('Token.unavailable', { connectionId });
    if (answer.outcome === 'failed') return answer;
    if (answer.outcome === 'issued') continue;
    await new Promise((done) => setTimeout(done, Math.min(PAUSE_MS, Math.max(rest, 0))));
  }
}

async function readRecord(context: CliContext, connectionId: string): Promise<TokenRecord> {
  const read = await readToken(await context.database(), connectionId);
  if (read === null) throw failure('Connection.not_found', { connectionId });
  return read.record;
}

function hasMoved(record: TokenRecord, seen: TokenRecord): boolean {
  if (record.incarnation !== seen.incarnation) return record.generation > 0;
  return record.generation > seen.generation;
}

function issuedResult(record: TokenRecord): EnsureTokenResult {
  return { outcome: 'issued', token: tokenRefOf(record), failure: null, retryAt: null };
}

function deadResult(type: string): EnsureTokenResult {
  return { outcome: 'failed', token: null, failure: { type, final: true }, retryAt: null };
}

async function timedOut(
  context: CliContext,
  connectionId: string,
  timeoutMs: number,
): Promise<CommandError> {
  return new CommandError(
    `No new token of connection ${connectionId} from its lifecycle within ${durationText(timeoutMs)}. ` +
      (await whyNoAnswer(context)),
    { exitStatus: 1, type: 'Token.refresh_in_progress', final: false },
  );
}

function failedResult(connectionId: string, result: EnsureTokenResult): CommandError {
  const { type = 'OAuth.other', final = true } = result.failure ?? {};
  const { message } = recordedFailure(type, { connectionId });
  return new CommandError(message, { exitStatus: 1, type, final, retryAt: result.retryAt });
}

function refreshText({ outcome, token, failure: failed, retryAt }: EnsureTokenResult): string {
  return fieldLines([
    ['outcome', outcome],
    ['token', token === null ? null : `epoch ${token.epoch}, generation ${token.generation}`],
    ['expires', timeText(token?.expiresAt ?? null)],
    ['failure', failed?.type ?? null],
    ['retry at', timeText(retryAt)],
  ]);
}
