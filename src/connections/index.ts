/**
 * Connection files, and what `put`, `show` and `remove` do with them. May import `contract`, `oauth`,
 * `store`, `network` and `secret`; whoever speaks to Temporal hands the lifecycle in.
 */
export {
  parseConnectionFile,
  readConnectionFile,
  type ReadConnectionFile,
} from './connection-file.js';
export type { SecretName } from './cross-member-rules.js';
export type { ConnectionFile } from './file-schema.js';
export { notifyLifecycle, type LifecycleToNotify } from './lifecycle-notice.js';
export { ConnectionFileError, problemText, type Problem } from './problems.js';
export {
  putConnection,
  type PutDependencies,
  type PutInput,
  type PutResult,
} from './put-connection.js';
export {
  removeConnection,
  type RemoveDependencies,
  type RemoveResult,
} from './remove-connection.js';
export { withoutNewline } from './secrets.js';
export { showConnection, type ShownConnection } from './show.js';
