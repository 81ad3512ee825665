import { defineQuery, defineUpdate } from '@temporalio/workflow';
import type {
  ConnectionStatus,
  EnsureTokenInput,
  EnsureTokenResult,
} from '../contract/messages.js';
import { CONFIGURE_UPDATE, ENSURE_TOKEN_UPDATE, STATUS_QUERY } from '../contract/names.js';

/** Sees to it that there is a token after the one the caller saw. Always answers with a value. */
export const ensureTokenUpdate = defineUpdate<EnsureTokenResult, [EnsureTokenInput]>(
  ENSURE_TOKEN_UPDATE,
);

/** The connection's record changed: look at it again. */
export const configureUpdate = defineUpdate<Record<string, never>, [Record<string, never>]>(
  CONFIGURE_UPDATE,
);

/** Where the connection's token stands. */
export const statusQuery = defineQuery<ConnectionStatus>(STATUS_QUERY);
