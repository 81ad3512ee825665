import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import {
  AUTHORIZATION_QUERY,
  AUTHORIZED_SIGNAL,
  type AuthorizationStatus,
  type AuthorizedSignal,
} from '../contract/consent-messages.js';
import type {
  ConnectionStatus,
  EnsureTokenInput,
  EnsureTokenResult,
  RevokeInput,
  RevokeResult,
} from '../contract/messages.js';
import {
  CONFIGURE_UPDATE,
  ENSURE_TOKEN_UPDATE,
  REVOKE_UPDATE,
  STATUS_QUERY,
} from '../contract/names.js';

/** Sees to it that there is a token after the one the caller saw. Always answers with a value. */
export const ensureTokenUpdate = defineUpdate<EnsureTokenResult, [EnsureTokenInput]>(
  ENSURE_TOKEN_UPDATE,
);

/** The connection's record changed: look at it again. */
export const configureUpdate = defineUpdate<Record<string, never>, [Record<string, never>]>(
  CONFIGURE_UPDATE,
);

/** Nobody gets the connection's tokens any more, and the authorization server revokes them. */
export const revokeUpdate = defineUpdate<RevokeResult, [RevokeInput]>(REVOKE_UPDATE);

/** Where the connection's token stands. */
export const statusQuery = defineQuery<ConnectionStatus>(STATUS_QUERY);

/** A person has authorized the connection: whoever waits for that looks at once. */
export const authorizedSignal = defineSignal<[AuthorizedSignal]>(AUTHORIZED_SIGNAL);

/** What a person has to do so that the connection is authorized. */
export const authorizationQuery = defineQuery<AuthorizationStatus>(AUTHORIZATION_QUERY);
