/**
 * temporal-oauth-tokens: OAuth 2.0 access tokens for Temporal. Named exports, no side effects; the
 * worker is in `temporal-oauth-tokens/worker`, what workflows may import in
 * `temporal-oauth-tokens/workflows`.
 */
export {
  createTokenActivities,
  type TokenActivities,
  type TokenActivitiesOptions,
} from './activities/index.js';
export { createTokenWorker } from './create-token-worker.js';
export { FAILURES, type FailureRow, type FailureType } from './contract/failure-types.js';
export type { AuthorizationStatus, AuthorizeConnectionInput } from './contract/consent-messages.js';
export type { TokenEvent, TokenEventData, TokenEventType } from './contract/events.js';
export type { RotateKeysInput, RotateKeysResult } from './contract/key-rotation.js';
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
} from './contract/messages.js';
export { verifyWebhook, WebhookVerificationError, type ReceivedWebhook } from './events/index.js';
export { registerSecret } from './known-secrets.js';
export { createLeakGuard, type LeakGuard, type LeakGuardOptions } from './leak-guard.js';
export type { NetworkMode } from './network.js';
export {
  createFileKeyProvider,
  createKmsKeyProvider,
  type KeyInfo,
  type KeyProvider,
  type KeyPurpose,
  type KeyState,
  type KmsAdapter,
  type KmsKeyProvider,
  type KmsKeyProviderOptions,
  type WrappedKey,
} from './store/index.js';
export {
  createTokenSource,
  type AccessToken,
  type GetAccessTokenOptions,
  type TokenSource,
  type TokenSourceOptions,
} from './tokens/index.js';
export type { TokenEventsOptions, TokenWorker, TokenWorkerOptions } from './worker.js';
