import { isDeepStrictEqual } from 'node:util';
import type { ConnectionRecord } from '../contract/connection-record.js';
import { asksForConsent } from '../contract/grant-type.js';
import { recipientOf } from '../store/index.js';

/** What a `put` changes about a stored connection. */
export interface ConnectionChange {
  /** Members whose value changes, as in the file: `grant.scope`. */
  changed: string[];
  /** Those among them that decide where secrets go and whose they are. */
  identity: string[];
  /** Another grant type, or another person: what was issued belongs to another authorization. */
  grantChanged: boolean;
  /** A token requested now would be another one than the stored. */
  invalidates: boolean;
}

const ENDPOINTS = [
  'tokenEndpoint',
  'authorizationEndpoint',
  'pushedAuthorizationRequestEndpoint',
  'revocationEndpoint',
  'introspectionEndpoint',
  'deviceAuthorizationEndpoint',
] as const;

const MEMBERS = {
  authorizationServer: [
    'issuer',
    ...ENDPOINTS,
    'jwksUri',
    'authorizationResponseIssParameterSupported',
    'requirePushedAuthorizationRequests',
    'requestTimeoutMs',
  ],
  client: ['clientId', 'authentication'],
  grant: [
    'grantType',
    'scope',
    'parameters',
    'authorizationParameters',
    'pkce',
    'redirectUris',
    'expectedSubject',
    'useRefreshToken',
    'rotation',
  ],
  api: ['allowedOrigins', 'responseHeaders', 'callers'],
  lifetime: ['refresh', 'defaultExpiresInMs', 'refreshTokenExpiresInMs', 'refreshTokenIdleMs'],
} as const satisfies { [G in keyof ConnectionRecord]?: readonly (keyof ConnectionRecord[G])[] };

/** Compares a stored connection with what is put in its place. */
export function compareConnections(
  stored: ConnectionRecord,
  next: ConnectionRecord,
): ConnectionChange {
  const changed = Object.entries(MEMBERS).flatMap(([group, members]) =>
    members
      .filter(
        (member) =>
          !isDeepStrictEqual(valueOf(stored, group, member), valueOf(next, group, member)),
      )
      .map((member) => `${group}.${member}`),
  );
  const has = (...fields: string[]): boolean => fields.some((field) => changed.includes(field));
  return {
    changed,
    identity: changed.filter((field) => isIdentity(field, stored, next)),
    grantChanged:
      has('grant.grantType') ||
      (has('grant.expectedSubject') && next.grant.expectedSubject !== null),
    invalidates:
      has('grant.parameters', 'authorizationServer.tokenEndpoint') ||
      // What a person granted stays as it is until it is asked for anew.
      (has('grant.scope') && !asksForConsent(next.grant.grantType)),
  };
}

function valueOf(record: ConnectionRecord, group: string, member: string): unknown {
  const members: unknown = record[group as keyof typeof MEMBERS];
  return (members as Record<string, unknown>)[member];
}

function isIdentity(field: string, stored: ConnectionRecord, next: ConnectionRecord): boolean {
  if (field === 'authorizationServer.issuer') return true;
  if (field === 'client.clientId' || field === 'client.authentication') return true;
  const endpoint = ENDPOINTS.find((name) => field === `authorizationServer.${name}`);
  if (endpoint === undefined) return false;
  const after = next.authorizationServer[endpoint];
  // An endpoint that is taken away receives nothing any more. On an origin of its own, though, it is one
  // of those that sealed secrets are sealed for.
  if (after === null) return recipientOf(stored) !== recipientOf(next);
  // A new one on the token endpoint's host receives nothing that this host does not get already.
  const before = stored.authorizationServer[endpoint] ?? stored.authorizationServer.tokenEndpoint;
  return new URL(before).origin !== new URL(after).origin;
}
