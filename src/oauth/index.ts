// An RFC client. May import `secret`, `network`, `contract` and its libraries; nothing of Temporal, of
// the store, of any other folder. It throws plain typed errors, which `failures` turns into failures.
export {
  asksForIdToken,
  createAuthorizationRequest,
  type AuthorizationEndpoints,
  type AuthorizationRequest,
  type AuthorizationRequestInput,
  type AuthorizationRequestResult,
} from './authorization-request.js';
export {
  readAuthorizationResponse,
  type AuthorizationResponse,
  type AuthorizationResponseProblem,
  type ExpectedAuthorizationResponse,
} from './authorization-response.js';
export {
  authenticateClient,
  type AuthenticatedClient,
  type ClientAuthentication,
  type TokenClient,
} from './client-authentication.js';
export type {
  TokenQuestion,
  TokenQuestionFailure,
  TokenQuestionOptions,
} from './client-request.js';
export {
  requestDeviceAuthorization,
  type DeviceAuthorization,
  type DeviceAuthorizationInput,
  type DeviceAuthorizationResult,
} from './device-authorization.js';
export type { EndpointRequestOptions } from './endpoint-request.js';
export { isOAuthErrorCode, type OAuthErrorCode } from './error-codes.js';
export {
  MetadataError,
  OAuthRequestError,
  type MetadataErrorCode,
  type OAuthRequestErrorCode,
} from './errors.js';
export type { AuthorizationCodeGrant } from './grants/authorization-code.js';
export type { ClientCredentialsGrant } from './grants/client-credentials.js';
export type { DeviceCodeGrant } from './grants/device-code.js';
export type { RefreshTokenGrant } from './grants/refresh-token.js';
export { checkIdToken, type ExpectedIdToken, type IdTokenSubject } from './id-token.js';
export { IdTokenError, type IdTokenErrorCode } from './id-token-error.js';
export { introspectToken, type IntrospectionResult } from './introspection.js';
export { createKeySets, type CachedKeySet, type KeySets, type KeySetsOptions } from './jwks.js';
export {
  discoverAuthorizationServer,
  type AuthorizationServerMetadata,
  type DiscoveryOptions,
} from './metadata.js';
export {
  isAuthorizationParameter,
  isProtocolParameter,
  PROTOCOL_PARAMETERS,
} from './parameters.js';
export { codeChallengeOf } from './pkce.js';
export {
  prepareTokenRequest,
  type PreparedTokenRequest,
  type TokenGrant,
  type TokenRequestInput,
} from './prepare.js';
export { MAX_RETRY_AFTER_MS, parseRetryAfter, type RetryAfterInput } from './retry-after.js';
export { revokeToken, type RevocationResult } from './revocation.js';
export { sendTokenRequest, type SendTokenRequestOptions } from './token-request.js';
export type {
  CapturedResponse,
  CaptureNote,
  CaptureProblem,
  RequestCertainty,
  TokenRequestFailure,
  TokenRequestFailureCode,
  TokenRequestResult,
} from './token-result.js';
