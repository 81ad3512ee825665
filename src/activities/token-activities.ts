import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import type {
  CallApiInput,
  CallApiResult,
  ConnectionInput,
  ConnectionStatus,
  GetAccessTokenInput,
  RevokeResult,
  TokenRef,
} from '../contract/messages.js';
import { CONNECTION_ID_RULE, isConnectionId } from '../contract/names.js';
import { statusOf } from '../contract/token-record.js';
import { failure, recordedFailure, toFailure } from '../failures.js';
import { Secret } from '../secret.js';
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
  lifecycleOf,
  networkOf,
  requestRevocation,
  tokenRefOfAccessToken,
  type ApiRules,
  type TokenSource,
} from '../tokens/index.js';
import { withHeartbeats } from './heartbeats.js';
import { introspectStored } from './introspect-token.js';
import { parkedUntilAuthorized } from './parking.js';

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
  /**
   * The connection's status, after checking that the stored token opens with its key and, where the
   * connection has an introspection endpoint, that the authorization server holds it for active.
   *
   * @throws ApplicationFailure of the contract's table, retried when the server did not say
   */
  validateToken(input: ConnectionInput): Promise<ConnectionStatus>;
  /**
   * Has the connection's tokens revoked; returns when the authorization server has answered for each.
   *
   * @throws ApplicationFailure of the contract's table, retried while the server has not
   */
  revokeConnection(input: ConnectionInput): Promise<RevokeResult>;
}

/** Makes the callers' activities. Each checks its input, does one thing, and maps errors. */
export function tokenActivities(parts: TokenActivityParts): TokenActivities {
  return {
    getAccessToken: (input) =>
      guarded(input, () => waiting(parts, input, () => getAccessToken(parts, input))),
    callApi: (input) => guarded(input, () => waiting(parts, input, () => callApi(parts, input))),
    validateToken: (input) => guarded(input, () => validateToken(parts, input)),
    revokeConnection: (input) => guarded(input, () => revokeConnection(parts, input)),
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

/** A caller that waits for a person's consent costs nothing but its retries. */
function waiting<T>(
  { database }: TokenActivityParts,
  input: GetAccessTokenInput | CallApiInput,
  run: () => Promise<T>,
): Promise<T> {
  return parkedUntilAuthorized(database, input, run);
}

/** Safe to run twice: a token that is there is returned, and asking is one question cluster-wide. */
async function getAccessToken(
  parts: TokenActivityParts,
  input: GetAccessTokenInput,
): Promise<TokenRef> {
  const { connectionId, minValidMs, rejectedGeneration } = input;
  await allowedCaller(parts, connectionId);
  const wanted = {
    minValidMs: minValidMs ?? undefined,
    rejectedGeneration: rejectedGeneration ?? undefined,
  };
  return whileWanted(parts, connectionId, async (signal) => {
    const token = await withHeartbeats(connectionId, () =>
      parts.tokens.getAccessToken(connectionId, { ...wanted, signal }),
    );
    return tokenRefOfAccessToken(token);
  });
}

/**
 * Safe to run twice, except for a request that does harm when it is repeated: of that one, an
 * attempt that did not end by itself may have been carried out.
 */
async function callApi(parts: TokenActivityParts, input: CallApiInput): Promise<CallApiResult> {
  const { connectionId } = input;
  const rules = await allowedCaller(parts, connectionId);
  const { attempt } = activityInfo();
  const ended = (activityInfo().heartbeatDetails as { ended?: number } | undefined)?.ended;
  const beforeSend = (repeatable: boolean): void => {
    if (repeatable || attempt === 1 || ended === attempt - 1) return;
    throw failure('Api.outcome_unknown', { connectionId });
  };
  try {
    return await whileWanted(parts, connectionId, (signal) =>
      executeApiCall(parts.tokens, rules, input, { signal, beforeSend }),
    );
  } catch (error) {
    // What failed retryably did not carry the request out: the next attempt may send it.
    heartbeat({ ended: attempt });
    throw error;
  }
}

/** Runs what may wait, until the activity is cancelled or the worker shuts down. */
async function whileWanted<T>(
  { shutdown }: TokenActivityParts,
  connectionId: string,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const waiting = new AbortController();
  const end = (): void => waiting.abort(shutdown?.reason);
  shutdown?.addEventListener('abort', end, { once: true });
  const cancelled = cancellationSignal();
  const cancel = (): void => waiting.abort(cancelled.reason);
  cancelled.addEventListener('abort', cancel, { once: true });
  try {
    shutdown?.throwIfAborted();
    return await run(waiting.signal);
  } catch (error) {
    if (shutdown?.aborted === true && error === shutdown.reason) {
      throw failure('Token.refresh_in_progress', { connectionId, nextRetryDelayMs: 1 });
    }
    throw error;
  } finally {
    shutdown?.removeEventListener('abort', end);
    cancelled.removeEventListener('abort', cancel);
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

/** Safe to run twice: it asks again, and a generation is marked invalid once. */
async function validateToken(
  { tokens, database, keys }: TokenActivityParts,
  { connectionId }: ConnectionInput,
): Promise<ConnectionStatus> {
  const [read, token] = await Promise.all([
    readConnection(database, connectionId),
    readToken(database, connectionId),
  ]);
  if (read === null || token === null) throw failure('Connection.not_found', { connectionId });
  const { record, access } = token;
  const { refresh } = read.connection.lifetime;
  if (access === null) return statusOf(record, refresh);
  const opened = await openSealed(keys, access, accessTokenContext(database, record));
  const stores = { database, keys, network: networkOf(tokens) };
  const accessToken = new Secret(opened);
  if (!(await introspectStored(stores, { read, record, accessToken }))) {
    return statusOf(record, refresh);
  }
  const now = await readToken(database, connectionId);
  return statusOf(now?.record ?? record, refresh);
}

/** One attempt waits so long for the authorization server; the next goes on. */
const REVOCATION_WAIT_MS = 20_000;
const REVOCATION_PAUSE_MS = 10_000;

/** Safe to run twice: revoking goes on where it is. */
async function revokeConnection(
  parts: TokenActivityParts,
  { connectionId }: ConnectionInput,
): Promise<RevokeResult> {
  await allowedCaller(parts, connectionId);
  const { database, tokens } = parts;
  const result = await whileWanted(parts, connectionId, () =>
    withHeartbeats(connectionId, async () => {
      const lifecycle = await lifecycleOf(tokens);
      return requestRevocation({ database, lifecycle }, connectionId, REVOCATION_WAIT_MS);
    }),
  );
  if (result.state !== 'revoking') return result;
  const type = result.failure?.type ?? 'Token.revocation_in_progress';
  // Whatever the server said: the lifecycle asks again, and a put may have mended it by then.
  const nextRetryDelayMs = REVOCATION_PAUSE_MS;
  throw recordedFailure(type, { connectionId, final: false, nextRetryDelayMs });
}
