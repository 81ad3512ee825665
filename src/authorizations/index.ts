/**
 * A person's consent in the process that asks for it: begins an authorization and receives its
 * answer. May import `contract`, `known-secrets`, `network`, `oauth`, `secret`, `store` and Temporal's
 * client, to have an authorization redeemed; throws plain typed errors.
 */
export { AuthorizationError } from './authorization-error.js';
export {
  beginAuthorization,
  type BeginAuthorizationInput,
  type BegunAuthorization,
} from './begin-authorization.js';
export {
  beginDeviceAuthorization,
  type BeginDeviceAuthorizationInput,
} from './begin-device-authorization.js';
export type { AuthorizationParts } from './connection-to-authorize.js';
export {
  receiveCallback,
  type Callback,
  type CallbackParts,
  type CallbackResult,
} from './receive-callback.js';
export {
  createRedemptionClient,
  type RedemptionClient,
  type RedemptionClientOptions,
} from './redemption-client.js';
export {
  openAnswer,
  openCode,
  openSecrets,
  sealAnswer,
  type AuthorizationPlace,
  type KeptAnswer,
} from './sealed-parts.js';
