/**
 * For tests of applications and of this package: a search for secrets in what a system leaves
 * behind, a scripted authorization server, and the contract of KMS adapters. May import
 * `known-secrets`, types of `store`, and Node's own modules.
 */
export { KMS_ADAPTER_RULES, KmsAdapterError, checkKmsAdapter } from './check-kms-adapter.js';
export type { KmsAdapter, WrappedKey } from '../store/kms-adapter.js';
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
