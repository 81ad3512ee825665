// An RFC client. May import `secret`, `network`, `contract` and its libraries; nothing of Temporal, of
// the store, of any other folder. It throws plain typed errors, which `failures` turns into failures.
export {
  authenticateClient,
  type AuthenticatedClient,
  type ClientAuthentication,
  type TokenClient,
} from './client-authentication.js';
export { isOAuthErrorCode, type OAuthErrorCode } from './error-codes.js';
export {
  MetadataError,
  OAuthRequestError,
  type MetadataErrorCode,
  type OAuthRequestErrorCode,
} from './errors.js';
export type { ClientCredentialsGrant } from './grants/client-credentials.js';
export type { RefreshTokenGrant } from './grants/refresh-token.js';
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
export {
  prepareTokenRequest,
  type PreparedTokenRequest,
  type TokenGrant,
  type TokenRequestInput,
} from './prepare.js';
export { MAX_RETRY_AFTER_MS, parseRetryAfter, type RetryAfterInput } from './retry-after.js';
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
