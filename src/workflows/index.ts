/**
 * Safe inside the workflow sandbox: the workflows, their messages, and helpers that call the shared
 * activities with good options. Imports `contract`, `failures`, `@temporalio/workflow` and
 * `@temporalio/common`; of activities only types.
 */
export { authorizeConnection } from './authorize-connection.js';
export { callApi, getAccessToken, type TokenActivityCall } from './callers.js';
export { ensureAccessToken } from './ensure-access-token.js';
export {
  authorizationQuery,
  authorizedSignal,
  configureUpdate,
  ensureTokenUpdate,
  revokeUpdate,
  statusQuery,
} from './messages.js';
export { redeemAuthorization } from './redeem-authorization.js';
export { revokeConnection } from './revoke-connection.js';
export { rotateKeys } from './rotate-keys.js';
export { tokenLifecycle } from './token-lifecycle.js';
export type { RotateKeysInput, RotateKeysResult } from '../contract/key-rotation.js';
export type {
  AuthorizationStatus,
  AuthorizeConnectionInput,
  AuthorizedSignal,
} from '../contract/consent-messages.js';
export type { TokenEvent, TokenEventData, TokenEventType } from '../contract/events.js';
export type {
  CallApiInput,
  CallApiResult,
  ConnectionInput,
  ConnectionStatus,
  EnsureAccessTokenInput,
  EnsureTokenInput,
  EnsureTokenResult,
  GetAccessTokenInput,
  RevocationStatus,
  RevokeConnectionInput,
  Revoked,
  RevokedTokens,
  RevokeInput,
  RevokeResult,
  TokenRef,
  TokenState,
} from '../contract/messages.js';
