/**
 * For tests of applications and of this package: a search for secrets in what a system leaves
 * behind, and a scripted authorization server. May import `known-secrets` and Node's own modules.
 */
export {
  expectNoSecretsIn,
  searchForSecrets,
  type HistoryLike,
  type SecretFinding,
} from './search-for-secrets.js';
export {
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from './scripted-authorization-server.js';
export {
  issue,
  refuse,
  type ReceivedTokenRequest,
  type ScriptedReply,
  type TokenReply,
} from './scripted-replies.js';
export { type TokenLedger } from './token-ledger.js';
