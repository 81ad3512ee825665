import type { GrantType } from './grant-type.js';
import type { RotationProfile } from './rotation-profile.js';

/** Registered client authentication methods this package speaks (RFC 6749 §2.3, RFC 8414 §2). */
export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'none';

/** Endpoints of an authorization server, pinned when the connection is put (RFC 8414 §2). */
export interface AuthorizationServerRecord {
  issuer: string | null;
  tokenEndpoint: string;
  authorizationEndpoint: string | null;
  /** RFC 9126 §2; null: the server takes no pushed authorization requests. */
  pushedAuthorizationRequestEndpoint: string | null;
  revocationEndpoint: string | null;
  introspectionEndpoint: string | null;
  deviceAuthorizationEndpoint: string | null;
  /** Where the keys are that ID tokens are signed with. */
  jwksUri: string | null;
  /** Every authorization response names its issuer (RFC 9207 §3). */
  authorizationResponseIssParameterSupported: boolean;
  /** Only pushed authorization requests are taken (RFC 9126 §5). */
  requirePushedAuthorizationRequests: boolean;
  /** How long the server may take to answer a token request, in milliseconds. */
  requestTimeoutMs: number;
}

/** A connection's configuration without its secrets. Everything here may be shown. */
export interface ConnectionRecord {
  connectionId: string;
  authorizationServer: AuthorizationServerRecord;
  client: { clientId: string; authentication: ClientAuthentication };
  grant: {
    grantType: GrantType;
    scope: string | null;
    /** Further parameters of token requests. */
    parameters: Record<string, string>;
    /** Further parameters of the request that asks a person, such as `prompt` or `access_type`. */
    authorizationParameters: Record<string, string>;
    /** Send a PKCE challenge (RFC 7636); false for a server that refuses one. */
    pkce: boolean;
    /**
     * Redirect URIs that are registered for the client. A loopback one without a port stands for any
     * port (RFC 8252 §7.3). Empty: none is declared.
     */
    redirectUris: string[];
    /** `sub` of the ID token of whoever is to consent; null: anybody. */
    expectedSubject: string | null;
    /** Use a refresh token that answers to `client_credentials` bring along. */
    useRefreshToken: boolean;
    /** What the server does with a refresh token that was used; null: not declared. */
    rotation: RotationProfile;
  };
  api: {
    allowedOrigins: string[];
    /** More response headers `callApi` may return, lower-case. */
    responseHeaders: string[];
    /** Workflow types that may use the connection through the activities; null: any. */
    callers: { workflowTypes: string[] } | null;
  };
  lifetime: {
    refresh: 'on-demand' | 'ahead';
    defaultExpiresInMs: number | null;
    /** How long a refresh token lives where the server does not say, in milliseconds; null: no end. */
    refreshTokenExpiresInMs: number | null;
    /** How long a refresh token may lie unused, in milliseconds; null: no limit. */
    refreshTokenIdleMs: number | null;
  };
}

/** A connection as it is stored: the record plus who wrote it and when. */
export interface StoredConnection extends ConnectionRecord {
  revision: number;
  updatedAt: string;
  updatedBy: string;
}
