/**
 * The store: connections and token records in MongoDB, and sealing. May import `contract` and its
 * libraries; knows nothing of Temporal or of OAuth requests, and throws `StoreError` only.
 */
export {
  beginRedemption,
  deleteAuthorizations,
  failAuthorization,
  finishAuthorization,
  receiveCode,
  releaseRedemption,
  storeAnswer,
} from './authorization-changes.js';
export { commitConsent, nextEpochOf, type ConsentTokens } from './authorization-commit.js';
export {
  authorizationContext,
  findAuthorizationByState,
  insertAuthorization,
  readAuthorization,
  type AuthorizationDocument,
  type NewAuthorization,
  type ReadAuthorization,
} from './authorizations.js';
export {
  clearPending,
  listEnding,
  listUntold,
  readAnnounced,
  writeAnnounced,
  type AnnouncedDocument,
  type ReadAnnounced,
} from './announcements.js';
export {
  clientSecretContext,
  deleteConnection,
  openClientSecret,
  readConnection,
  readConnections,
  writeConnection,
  type ReadConnection,
} from './connections.js';
export { DEFAULT_DATABASE, openDatabase, type TokenDatabase } from './database.js';
export {
  claimDeployment,
  deploymentMismatch,
  readDeployment,
  type Deployment,
} from './deployment.js';
export type {
  CandidateDocument,
  ConnectionDocument,
  ConsentDocument,
  TokenDocument,
} from './documents.js';
export { StoreError, storeOperation, type StoreErrorCode } from './errors.js';
export { INDEXES, ensureIndexes, missingIndexes } from './indexes.js';
export { Journal, type JournalEntry } from './journal.js';
export { createFileKeyProvider, readKeyFile } from './key-file.js';
export { exportAccessKeys, generateKeys } from './key-file-changes.js';
export { countRecordsOfKey, countRecordsOfKeys, kidsInUse } from './key-usage.js';
export type { KmsAdapter, WrappedKey } from './kms-adapter.js';
export {
  createKmsKeyProvider,
  type KmsKeyProvider,
  type KmsKeyProviderOptions,
} from './kms-key-provider.js';
export { stateOf, type KeyInfo, type KeyProvider, type KeyPurpose, type KeyState } from './keys.js';
export {
  isDigestOf,
  makeFingerprint,
  makeSubjectFingerprint,
  matchesFingerprint,
  openSubject,
  type Fingerprint,
  type SubjectPlace,
} from './fingerprint.js';
export { deriveMacKey } from './mac-key.js';
export { resealPage, type ResealedPage } from './reseal-page.js';
export type { ResealParts } from './reseal.js';
export {
  kidOf,
  openSealed,
  prepareSealer,
  prepareSealerOf,
  type SealContext,
  type SealedValue,
  type Sealer,
} from './sealing.js';
export {
  announceTakeover,
  beginAttempt,
  endAttempt,
  readTokenWithGrant,
  type Parent,
  type ReadTokenWithGrant,
} from './token-attempts.js';
export {
  commitOverSibling,
  commitTokenSet,
  type CommitResult,
  type TokenSet,
} from './token-commit.js';
export {
  applyPut,
  deleteToken,
  insertToken,
  listAheadConnections,
  newTokenDocument,
  type PutChange,
} from './token-changes.js';
export {
  listKeepAliveDue,
  startRefreshTokenClocks,
  type KeepAliveCursor,
  type RefreshTokenClocks,
} from './token-clocks.js';
export {
  beginRevocation,
  REVOKED_STATES,
  endRevocation,
  invalidateGeneration,
  listRevokingConnections,
  recordRevocationFailure,
  recordRevoked,
  type RevokedEpoch,
} from './token-revocation.js';
export { forgetParked, listParked, registerParked, type ParkedWorkflow } from './parked.js';
export { inTransaction } from './transaction.js';
export {
  listTokens,
  readToken,
  recipientOf,
  rejectGeneration,
  accessTokenContext,
  refreshTokenContext,
  type SealPlace,
  type ReadToken,
} from './tokens.js';
