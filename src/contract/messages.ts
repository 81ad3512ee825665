/** Where a connection's token stands. Only `active` and `at_risk` serve tokens. */
export type TokenState =
  | 'active'
  | 'at_risk'
  | 'quarantined'
  | 'blocked'
  | 'reauthorization_required'
  | 'revoking'
  | 'revoked';

/** What may cross Temporal in place of a token. */
export interface TokenRef {
  connectionId: string;
  /** Number of the authorization the token belongs to; a new consent starts the next. */
  epoch: number;
  /** Number of the committed token set: 1, 2, 3… */
  generation: number;
  /** `Bearer` however the authorization server spelt it. */
  tokenType: string;
  /** Granted scope, space-delimited; null: the server did not say. */
  scope: string | null;
  /** ISO 8601 UTC; null: no lifetime known. */
  expiresAt: string | null;
}

/** Why a token request is wanted. */
export type EnsureReason =
  'missing' | 'stale' | 'expired' | 'min_valid' | 'rejected' | 'forced' | 'keep_alive';

/** Input of the `ensureToken` update: what the caller saw, and what it needs. */
export interface EnsureTokenInput {
  epoch: number;
  generation: number;
  /** How long the token must still be valid, in milliseconds; 0: the usual leeway. */
  minValidMs: number;
  reason: EnsureReason;
}

/** Answer of the `ensureToken` update: always a value, and only a hint; the record decides. */
export interface EnsureTokenResult {
  outcome: 'issued' | 'current' | 'in_progress' | 'failed';
  token: TokenRef | null;
  failure: { type: string; final: boolean } | null;
  /** ISO 8601 UTC: no token request before this time. */
  retryAt: string | null;
}

/** How the last token request ended. */
export interface LastOutcome {
  at: string;
  outcome: 'issued' | 'failed' | 'unknown';
  /** Failure type, null when issued. */
  type: string | null;
}

/**
 * What the authorization server said of a token that it was asked to revoke (RFC 7009). True: it is
 * revoked, or was not known any more. False: not confirmed yet, so assumed alive. `never`: the server
 * does not revoke it, or has no revocation endpoint; it lives until it expires. Null: there was none.
 */
export type Revoked = boolean | 'never' | null;

/** What was truly revoked of a token set. */
export interface RevokedTokens {
  refreshToken: Revoked;
  accessToken: Revoked;
}

/** How far the revocation of a connection's tokens is. */
export interface RevocationStatus extends RevokedTokens {
  requestedAt: string;
  /** When the secrets were erased for good; null: the revocation is under way. */
  endedAt: string | null;
}

/** Input of the `revoke` update: nothing. */
export interface RevokeInput {
  reason?: never;
}

/** Answer of the `revoke` update and of the `revokeConnection` workflow. */
export interface RevokeResult {
  /** `revoking`: callers get `Token.revoked` already, the server is still being asked; or `revoked`. */
  state: TokenState;
  revoked: RevokedTokens;
  /** Why the last request to the authorization server failed; null: none has failed. */
  failure: { type: string; final: boolean } | null;
  /** ISO 8601 UTC: when the authorization server is asked again, as far as it is known. */
  retryAt: string | null;
}

/** What a person or a program may know about a connection's token. */
export interface ConnectionStatus {
  connectionId: string;
  state: TokenState;
  epoch: number;
  /** 0: nothing issued yet. */
  generation: number;
  tokenType: string | null;
  scope: string | null;
  issuedAt: string | null;
  expiresAt: string | null;
  /** From here on a caller nudges a refresh. */
  refreshAfter: string | null;
  /** When the lifecycle refreshes by itself; null when it waits for callers. */
  nextRefreshAt: string | null;
  /** Attempts ended without a new generation since the last one was issued. */
  failures: number;
  retryAt: string | null;
  invalid: { reason: string; at: string } | null;
  lastOutcome: LastOutcome | null;
  /** When the refresh token expires, as the server or the connection says; null: no end is known. */
  refreshTokenExpiresAt: string | null;
  /** Null: nobody asked for a revocation in this epoch. */
  revocation: RevocationStatus | null;
}

/** What may wait until a person has authorized the connection, rather than failing at once. */
export interface ParkingInput {
  /** Default `fail`. */
  onReauthorization?: 'fail' | 'wait';
}

/** Input of the `getAccessToken` activity and, with `timeoutMs`, of `ensureAccessToken`. */
export interface GetAccessTokenInput extends ParkingInput {
  connectionId: string;
  /** How long the token must still be valid, in milliseconds. */
  minValidMs?: number;
  /** The generation that an API refused with 401. */
  rejectedGeneration?: number;
}

/** Input of the `ensureAccessToken` workflow. */
export interface EnsureAccessTokenInput extends GetAccessTokenInput {
  /** How long to keep trying, in milliseconds. Default 24 h. */
  timeoutMs?: number;
}

/** Input of the `callApi` activity: one HTTP request with the connection's token added. */
export interface CallApiInput extends ParkingInput {
  connectionId: string;
  method: string;
  /** Absolute URL on one of the connection's allowed origins. */
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** `base64`: `body` is base64 of the bytes to send. */
  bodyEncoding?: 'base64';
  /** Time for one request, in milliseconds. Default 30 000. */
  timeoutMs?: number;
}

/** Result of `callApi`; every HTTP status is a value. */
export interface CallApiResult {
  status: number;
  /** Lower-case names; only those that may be returned (contract §5). */
  headers: Record<string, string>;
  body: string;
  /** `base64`: the answer was not text. */
  bodyEncoding?: 'base64';
}

/** Input that names a connection and nothing else. */
export interface ConnectionInput {
  connectionId: string;
}

/** Input of the `revokeConnection` workflow. */
export interface RevokeConnectionInput extends ConnectionInput {
  /** How long to wait for the authorization server, in milliseconds. Default 7 days. */
  timeoutMs?: number;
}

/** Input of the activities that revoke one epoch's tokens, and of no later consent. */
export interface RevokeEpochInput extends ConnectionInput {
  epoch: number;
  /** Failed attempts before this activity's first, for the growing pause between attempts. */
  priorAttempts: number;
}

/** Input of the `issueToken` activity, which makes the one token request. */
export interface IssueTokenInput extends EnsureTokenInput {
  connectionId: string;
  /** Failed attempts before this activity's first, for the growing pause between attempts. */
  priorAttempts: number;
}

/** What the lifecycle learns from its store activities. */
export interface LifecycleView {
  /** Null: the connection does not exist (any more). */
  status: ConnectionStatus | null;
  /** Who starts a refresh: callers, or the lifecycle ahead of expiry. */
  refresh: 'on-demand' | 'ahead';
  /** Keep the opt-in search attributes up to date. */
  searchAttributes: boolean;
  /** A token request may take longer than a caller should wait for one answer. */
  slowServer: boolean;
  /** Milliseconds until the lifecycle refreshes ahead of expiry (MongoDB's clock); null: never. */
  refreshInMs: number | null;
  /** Milliseconds until a refresh keeps an idle refresh token alive; null, or none: never. */
  keepAliveInMs?: number | null;
  /** An event is untold: it is to be announced. Missing where nobody is told. */
  untold?: boolean;
}

/** Result of `issueToken`. */
export interface IssueTokenResult extends LifecycleView {
  outcome: 'issued' | 'current';
  token: TokenRef;
}
