import { proxyActivities } from '@temporalio/workflow';
import type { TokenActivities } from '../activities/token-activities.js';
import type {
  CallApiInput,
  CallApiResult,
  GetAccessTokenInput,
  TokenRef,
} from '../contract/messages.js';
import { DEFAULT_TASK_QUEUE } from '../contract/names.js';
import { CALL_API_OPTIONS, GET_ACCESS_TOKEN_OPTIONS } from './options.js';

/** Where the token deployment is, for workflows of other task queues. */
export interface TokenActivityCall {
  /** Task queue of the token worker. Default `oauth-tokens`. */
  taskQueue?: string;
  /** How long to keep trying, in milliseconds. Default 24 h. */
  timeoutMs?: number;
}

const DAY_MS = 24 * 3_600_000;
const DEFAULT_REQUEST_MS = 30_000;
/** Getting a token may take as long as this before a request is sent. */
const TOKEN_WAIT_MS = 90_000;

/**
 * Calls the shared `getAccessToken` activity from a workflow: afterwards a valid token is stored.
 *
 * @throws ActivityFailure whose cause is an ApplicationFailure of the contract's table
 */
export function getAccessToken(
  input: GetAccessTokenInput,
  { taskQueue = DEFAULT_TASK_QUEUE, timeoutMs = DAY_MS }: TokenActivityCall = {},
): Promise<TokenRef> {
  const activities = proxyActivities<TokenActivities>({
    ...GET_ACCESS_TOKEN_OPTIONS,
    taskQueue,
    scheduleToCloseTimeout: timeoutMs,
    summary: `token of ${input.connectionId}`,
  });
  return activities.getAccessToken(input);
}

/**
 * Calls an API with a connection's token from a workflow, through the shared `callApi` activity on
 * the token worker. Every HTTP status is a value.
 *
 * @throws ActivityFailure whose cause is an ApplicationFailure of the contract's table
 * @example
 * ```ts
 * const { status, body } = await callApi({
 *   connectionId: 'superservice',
 *   method: 'GET',
 *   url: 'https://api.superservice.com/v1/things',
 * });
 * ```
 */
export function callApi(
  input: CallApiInput,
  { taskQueue = DEFAULT_TASK_QUEUE, timeoutMs = DAY_MS }: TokenActivityCall = {},
): Promise<CallApiResult> {
  const requestMs = input.timeoutMs ?? DEFAULT_REQUEST_MS;
  const activities = proxyActivities<TokenActivities>({
    ...CALL_API_OPTIONS,
    taskQueue,
    startToCloseTimeout: requestMs + TOKEN_WAIT_MS,
    scheduleToCloseTimeout: timeoutMs,
    summary: `${input.method} ${input.connectionId}`,
  });
  return activities.callApi(input);
}
