import type { ReadConnection } from '../store/index.js';

/** A connection as `connection show` prints it: the file, and who wrote it when. */
export interface ShownConnection {
  connectionId: string;
  authorizationServer: Record<string, unknown>;
  client: Record<string, unknown>;
  grant: Record<string, unknown>;
  api: Record<string, unknown>;
  lifetime: Record<string, unknown>;
  revision: number;
  updatedAt: string;
  updatedBy: string;
}

const SEALED = { sealed: true };

/** The file form of a stored connection; secrets are shown as sealed, members not given are left out. */
export function showConnection({ connection, clientSecret }: ReadConnection): ShownConnection {
  const { connectionId, authorizationServer, client, grant, api, lifetime } = connection;
  const importsRefreshToken = grant.grantType === 'refresh_token';
  return {
    connectionId,
    authorizationServer: given({
      ...authorizationServer,
      authorizationResponseIssParameterSupported:
        authorizationServer.authorizationResponseIssParameterSupported || null,
      requirePushedAuthorizationRequests:
        authorizationServer.requirePushedAuthorizationRequests || null,
    }),
    client: { ...client, ...(clientSecret === null ? {} : { clientSecret: SEALED }) },
    grant: given({
      grantType: grant.grantType,
      scope: grant.scope,
      parameters: unlessEmpty(grant.parameters),
      authorizationParameters: unlessEmpty(grant.authorizationParameters),
      pkce: grant.pkce ? null : false,
      redirectUris: grant.redirectUris.length === 0 ? null : grant.redirectUris,
      expectedSubject: grant.expectedSubject,
      refreshToken: importsRefreshToken ? SEALED : null,
      useRefreshToken: grant.useRefreshToken ? null : false,
      rotation: grant.rotation,
    }),
    api: given({
      allowedOrigins: api.allowedOrigins,
      responseHeaders: api.responseHeaders.length === 0 ? null : api.responseHeaders,
      callers: api.callers,
    }),
    lifetime: given({ ...lifetime }),
    revision: connection.revision,
    updatedAt: connection.updatedAt,
    updatedBy: connection.updatedBy,
  };
}

function unlessEmpty(members: Record<string, string>): Record<string, string> | null {
  return Object.keys(members).length === 0 ? null : members;
}

function given(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
}
