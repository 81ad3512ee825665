/** What the token worker registers: each export is a workflow type. */
export { ensureAccessToken } from './ensure-access-token.js';
export { rotateKeys } from './rotate-keys.js';
export { tokenLifecycle } from './token-lifecycle.js';
