/**
 * Safe inside the workflow sandbox: the workflows, their messages, and helpers that call the shared
 * activities with good options. Imports `contract`, `failures`, `@temporalio/workflow` and
 * `@temporalio/common`; of activities only types.
 */
export { callApi, getAccessToken, type TokenActivityCall } from './callers.js';
export { ensureAccessToken } from './ensure-access-token.js';
export { configureUpdate, ensureTokenUpdate, statusQuery } from './messages.js';
export { rotateKeys } from './rotate-keys.js';
export { tokenLifecycle } from './token-lifecycle.js';
export type { RotateKeysInput, RotateKeysResult } from '../contract/key-rotation.js';
export type {
  CallApiInput,
  CallApiResult,
  ConnectionInput,
  ConnectionStatus,
  EnsureAccessTokenInput,
  EnsureTokenInput,
  EnsureTokenResult,
  GetAccessTokenInput,
  TokenRef,
  TokenState,
} from '../contract/messages.js';
