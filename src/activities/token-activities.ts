import { activityInfo, cancellationSignal } from '@temporalio/activity';
import type {
  CallApiInput,
  CallApiResult,
  ConnectionInput,
  ConnectionStatus,
  GetAccessTokenInput,
  TokenRef,
} from '../contract/messages.js';
import { CONNECTION_ID_RULE, isConnectionId } from '../contract/names.js';
import { statusOf } from '../contract/token-record.js';
import { failure, toFailure } from '../failures.js';
import {
  openSealed,
  readConnection,
  readToken,
  accessTokenContext,
  type KeyProvider,
  type TokenDatabase,
} from '../store/index.js';
import {
  executeApiCall,
  tokenRefOfAccessToken,
  type ApiRules,
  type TokenSource,
} from '../tokens/index.js';
import { withHeartbeats } from './heartbeats.js';

/** What the callers' activities work with. */
export interface TokenActivityParts {
  tokens: TokenSource;
  database: TokenDatabase;
  keys: KeyProvider;
  /** The rules of a connection, at most a few seconds old. */
  rules(connectionId: string): Promise<ApiRules>;
  /** Aborts when the worker shuts down: who only waits tries again on another worker. */
  shutdown?: AbortSignal | undefined;
}

/** The activities other people call, by their names in Temporal (contract §1). */
export interface TokenActivities {
  /**
   * Sees to it that a valid token is stored; returns its ref, never the token.
   *
   * @throws ApplicationFailure of the contract's table
   */
  getAccessToken(input: GetAccessTokenInput): Promise<TokenRef>;
  /** One HTTP request with the connection's token, made on this worker (contract §5). */
  callApi(input: CallApiInput): Promise<CallApiResult>;
  /** The connection's status, after checking that the stored token opens with its key. */
  validateToken(input: ConnectionInput): Promise<ConnectionStatus>;
}

/** Makes the callers' activities. Each checks its input, does one thing, and maps errors. */
export function tokenActivities(parts: TokenActivityParts): TokenActivities {
  return {
    getAccessToken: (input) => guarded(input, () => getAccessToken(parts, input)),
    callApi: (input) =>
      guarded(input, async () => {
        const rules = await allowedCaller(parts, input.connectionId);
        return executeApiCall(parts.tokens, rules, input);
      }),
    validateToken: (input) => guarded(input, () => validateToken(parts, input)),
  };
}

async function guarded<T>(input: unknown, run: () => Promise<T>): Promise<T> {
  const id = (input as { connectionId?: unknown } | null | undefined)?.connectionId;
  if (!isConnectionId(id)) {
    const detail = `connectionId: must be ${CONNECTION_ID_RULE}.`;
    throw failure('Connection.invalid', { detail });
  }
  try {
    return await run();
  } catch (error) {
    throw toFailure(error, { connectionId: id });
  }
}

/** Safe to run twice: a token that is there is returned, and asking is one question cluster-wide. */
async function getAccessToken(
  parts: TokenActivityParts,
  input: GetAccessTokenInput,
): Promise<TokenRef> {
  const { connectionId, minValidMs, rejectedGeneration } = input;
  await allowedCaller(parts, connectionId);
  const signals = [cancellationSignal(), ...(parts.shutdown === undefined ? [] : [parts.shutdown])];
  const signal = AbortSignal.any(signals);
  const wanted = {
    minValidMs: minValidMs ?? undefined,
    rejectedGeneration: rejectedGeneration ?? undefined,
    signal,
  };
  try {
    const token = await withHeartbeats(connectionId, () =>
      parts.tokens.getAccessToken(connectionId, wanted),
    );
    return tokenRefOfAccessToken(token);
  } catch (error) {
    if (parts.shutdown?.aborted === true && signal.aborted) {
      throw failure('Token.refresh_in_progress', { connectionId, nextRetryDelayMs: 1 });
    }
    throw error;
  }
}

/** `api.callers`: stops mistakes, not attackers, who could call the API with a workflow of any type. */
async function allowedCaller(parts: TokenActivityParts, connectionId: string): Promise<ApiRules> {
  const rules = await parts.rules(connectionId);
  const { workflowType } = activityInfo();
  const allowed = rules.callerWorkflowTypes;
  if (allowed !== null && !(workflowType !== undefined && allowed.includes(workflowType))) {
    const detail = `The caller is ${workflowType ?? 'no workflow'}.`;
    throw failure('Policy.caller_not_allowed', { connectionId, detail });
  }
  return rules;
}

/** Safe to run twice: it only reads. */
async function validateToken(
  { database, keys }: TokenActivityParts,
  { connectionId }: ConnectionInput,
): Promise<ConnectionStatus> {
  const [read, token] = await Promise.all([
    readConnection(database, connectionId),
    readToken(database, connectionId),
  ]);
  if (read === null || token === null) throw failure('Connection.not_found', { connectionId });
  const { record, access } = token;
  if (access !== null) {
    await openSealed(keys, access, accessTokenContext(database, record));
  }
  return statusOf(record, read.connection.lifetime.refresh);
}
