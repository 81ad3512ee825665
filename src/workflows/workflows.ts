/** What the token worker registers: each export is a workflow type. */
export { ensureAccessToken } from './ensure-access-token.js';
export { tokenLifecycle } from './token-lifecycle.js';
