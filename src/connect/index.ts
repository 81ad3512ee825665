/**
 * The connect page: where a person connects an account, and operators see what is connected. May
 * import `authorizations`, `contract`, `failures`, `network`, `secret`, `store`, `tokens` and `hono`;
 * loaded by nobody who does not serve it.
 */
export { createConnectApp, type ConnectApp, type ConnectAppOptions } from './create-connect-app.js';
export { createLinks, type Links, type NewLink } from './links.js';
