/**
 * The token source: hands a valid token to whoever calls an API, inside activities and outside
 * Temporal. May import `contract`, `failures`, `secret`, `network`, `store` and Temporal's client,
 * activity and common packages.
 */
export { tokenRefOfAccessToken, type AccessToken } from './access-token.js';
export { executeApiCall } from './api-call.js';
export { ApiRulesReader, apiRulesOf, type ApiRules } from './api-rules.js';
export {
  createLifecycleClient,
  type EnsureTokenAnswer,
  type LifecycleClient,
  type LifecycleClientOptions,
} from './lifecycle-client.js';
export { createNoticeClient, type NoticeClient } from './notice-client.js';
export { METRICS, currentMeter } from './metrics.js';
export { requestRevocation, type RevocationDependencies } from './request-revocation.js';
export { lifecycleOf, networkOf } from './source-parts.js';
export {
  createTokenSource,
  type GetAccessTokenOptions,
  type TokenSource,
  type TokenSourceOptions,
} from './token-source.js';
export { wakeParked } from './wake-parked.js';
