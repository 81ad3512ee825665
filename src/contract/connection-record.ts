import type { RotationProfile } from './rotation-profile.js';

/** Registered client authentication methods this package speaks (RFC 6749 §2.3, RFC 8414 §2). */
export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'none';

/** Endpoints of an authorization server, pinned when the connection is put (RFC 8414 §2). */
export interface AuthorizationServerRecord {
  issuer: string | null;
  tokenEndpoint: string;
  authorizationEndpoint: string | null;
  revocationEndpoint: string | null;
  introspectionEndpoint: string | null;
  deviceAuthorizationEndpoint: string | null;
  /** How long the server may take to answer a token request, in milliseconds. */
  requestTimeoutMs: number;
}

/** A connection's configuration without its secrets. Everything here may be shown. */
export interface ConnectionRecord {
  connectionId: string;
  authorizationServer: AuthorizationServerRecord;
  client: { clientId: string; authentication: ClientAuthentication };
  grant: {
    grantType: 'client_credentials' | 'refresh_token';
    scope: string | null;
    parameters: Record<string, string>;
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
  lifetime: { refresh: 'on-demand' | 'ahead'; defaultExpiresInMs: number | null };
}

/** A connection as it is stored: the record plus who wrote it and when. */
export interface StoredConnection extends ConnectionRecord {
  revision: number;
  updatedAt: string;
  updatedBy: string;
}
