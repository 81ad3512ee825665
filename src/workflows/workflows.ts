/** What the token worker registers: each export is a workflow type. */
export { authorizeConnection } from './authorize-connection.js';
export { deliverEvent } from './deliver-event.js';
export { ensureAccessToken } from './ensure-access-token.js';
export { redeemAuthorization } from './redeem-authorization.js';
export { revokeConnection } from './revoke-connection.js';
export { rotateKeys } from './rotate-keys.js';
export { tokenLifecycle } from './token-lifecycle.js';
