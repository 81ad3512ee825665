import type { AuthorizationServerRecord, ConnectionRecord } from '../contract/connection-record.js';
import { discoverAuthorizationServer, type AuthorizationServerMetadata } from '../oauth/index.js';
import type { Network } from '../network.js';
import { missingForConsent } from './consent-rules.js';
import type { ConnectionFile } from './file-schema.js';
import { ConnectionFileError } from './problems.js';

/**
 * The record of a connection file. Where the file gives an issuer and no endpoint, the endpoints are
 * read from its metadata once, here, and pinned.
 *
 * @throws MetadataError when there is no metadata or it must not be trusted
 * @throws ConnectionFileError when the server does not offer what the grant takes
 * @see https://www.rfc-editor.org/rfc/rfc8414.html#section-3
 */
export async function resolveRecord(
  file: ConnectionFile,
  network: Network,
): Promise<ConnectionRecord> {
  const { connectionId, client, grant, api, lifetime } = file;
  const record: ConnectionRecord = {
    connectionId,
    authorizationServer: await resolveServer(file.authorizationServer, network),
    client: { clientId: client.clientId, authentication: client.authentication },
    grant: {
      grantType: grant.grantType,
      scope: grant.scope ?? null,
      parameters: { ...grant.parameters },
      authorizationParameters: { ...grant.authorizationParameters },
      pkce: grant.pkce ?? true,
      redirectUris: grant.redirectUris ?? [],
      expectedSubject: grant.expectedSubject ?? null,
      useRefreshToken: grant.useRefreshToken ?? true,
      rotation: grant.rotation ?? null,
    },
    api: {
      allowedOrigins: api.allowedOrigins,
      responseHeaders: api.responseHeaders.map((name) => name.toLowerCase()),
      callers: api.callers ?? null,
    },
    lifetime: {
      refresh: lifetime.refresh,
      defaultExpiresInMs: lifetime.defaultExpiresInMs ?? null,
      refreshTokenExpiresInMs: lifetime.refreshTokenExpiresInMs ?? null,
      refreshTokenIdleMs: lifetime.refreshTokenIdleMs ?? null,
    },
  };
  const missing = missingForConsent(record.grant, record.authorizationServer, NOT_NAMED);
  if (missing.length > 0) throw new ConnectionFileError(missing);
  return record;
}

const NOT_NAMED = "is not in the authorization server's metadata";

async function resolveServer(
  server: ConnectionFile['authorizationServer'],
  network: Network,
): Promise<AuthorizationServerRecord> {
  const { issuer, tokenEndpoint, requestTimeoutMs } = server;
  if (tokenEndpoint !== undefined) {
    return {
      ...optionalMembers(server),
      issuer: issuer ?? null,
      tokenEndpoint,
      requestTimeoutMs,
    };
  }
  const metadata = await discoverAuthorizationServer({
    // The file has one or the other.
    issuer: issuer ?? '',
    network,
    timeoutMs: Math.min(requestTimeoutMs, DISCOVERY_TIMEOUT_MS),
  });
  return {
    ...optionalMembers(metadata),
    issuer: metadata.issuer,
    tokenEndpoint: metadata.tokenEndpoint,
    requestTimeoutMs,
  };
}

const DISCOVERY_TIMEOUT_MS = 10_000;

function optionalMembers(
  from: ConnectionFile['authorizationServer'] | AuthorizationServerMetadata,
) {
  return {
    authorizationEndpoint: from.authorizationEndpoint ?? null,
    pushedAuthorizationRequestEndpoint: from.pushedAuthorizationRequestEndpoint ?? null,
    revocationEndpoint: from.revocationEndpoint ?? null,
    introspectionEndpoint: from.introspectionEndpoint ?? null,
    deviceAuthorizationEndpoint: from.deviceAuthorizationEndpoint ?? null,
    jwksUri: from.jwksUri ?? null,
    authorizationResponseIssParameterSupported:
      from.authorizationResponseIssParameterSupported ?? false,
    requirePushedAuthorizationRequests: from.requirePushedAuthorizationRequests ?? false,
  };
}
