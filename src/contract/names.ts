/** The task queue callers use; the worker's own activities wait on {@link issueTaskQueue} of it. */
export const DEFAULT_TASK_QUEUE = 'oauth-tokens';

/** Workflow types, activity types and message names as other SDKs call them. */
export const TOKEN_LIFECYCLE_WORKFLOW = 'tokenLifecycle';
export const ENSURE_ACCESS_TOKEN_WORKFLOW = 'ensureAccessToken';
export const REVOKE_CONNECTION_WORKFLOW = 'revokeConnection';
export const ROTATE_KEYS_WORKFLOW = 'rotateKeys';
export const ENSURE_TOKEN_UPDATE = 'ensureToken';
export const CONFIGURE_UPDATE = 'configure';
export const REVOKE_UPDATE = 'revoke';
export const STATUS_QUERY = 'status';

const CONNECTION_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const WORKFLOW_ID_PREFIX = 'oauth-token/';

/** What a `connectionId` must look like, for error messages. */
export const CONNECTION_ID_RULE =
  'a letter or digit, then up to 127 letters, digits, ".", "_" or "-" (it is plain text in Temporal)';

/** Whether a value is a well-formed `connectionId`. */
export function isConnectionId(value: unknown): value is string {
  return typeof value === 'string' && CONNECTION_ID.test(value);
}

/**
 * The task queue of the activities that the lifecycle waits for. A caller's activity that waits for
 * a token never holds a slot that the token request needs.
 */
export function issueTaskQueue(taskQueue: string): string {
  return `${taskQueue}-issue`;
}

/** The id of the one lifecycle workflow of a connection. */
export function lifecycleWorkflowId(connectionId: string): string {
  return `${WORKFLOW_ID_PREFIX}${connectionId}`;
}

/** The id under which a deployment runs `rotateKeys`: one at a time, which everybody joins. */
export function rotateKeysWorkflowId(taskQueue: string): string {
  return `oauth-keys/rotate/${taskQueue}`;
}

/** What identifies one question "is there a token after this one?" in the whole cluster. */
export interface EnsureTokenKey {
  incarnation: string;
  epoch: number;
  generation: number;
  failures: number;
}

/**
 * The update id that collapses every caller of every process into one update. `bucket` makes a
 * follow-up question once the first answer turned out not to serve.
 */
export function ensureTokenUpdateId(key: EnsureTokenKey, bucket?: number): string {
  const id = `${key.incarnation}.${key.epoch}.${key.generation}.${key.failures}`;
  return bucket === undefined ? id : `${id}~${bucket}`;
}
