import type { z } from 'zod';
import { isConnectionId } from '../contract/names.js';
import { crossMemberProblems, type SecretName } from './cross-member-rules.js';
import { connectionFileSchema, type ConnectionFile } from './file-schema.js';
import { ConnectionFileError, type Problem } from './problems.js';
import { memberOf } from './raw-members.js';
import { isSecretReference, type SecretReference } from './secret-reference.js';
import type { NetworkRules } from './url-rules.js';

/** A connection file after reading: what could be understood, and everything that is wrong. */
export interface ReadConnectionFile {
  /** Null when there are problems. */
  file: ConnectionFile | null;
  problems: Problem[];
  /** The id, if at least that is right. */
  connectionId: string | null;
  /** Where the secrets come from, as far as the file says so. */
  references: Partial<Record<SecretName, SecretReference>>;
}

/**
 * Checks a connection file and collects all problems, without looking at secrets.
 *
 * @param raw - the parsed JSON
 * @param network - the network setting of this process, which the URLs have to satisfy
 * @param fromStdin - secrets that come on standard input
 */
export function readConnectionFile(
  raw: unknown,
  network: NetworkRules,
  fromStdin: ReadonlySet<SecretName> = new Set(),
): ReadConnectionFile {
  const parsed = connectionFileSchema(network).safeParse(raw);
  const problems = parsed.success
    ? []
    : parsed.error.issues.flatMap((issue) => problemsOf(issue, raw));
  problems.push(...crossMemberProblems(raw, fromStdin));
  const connectionId = memberOf(raw, ['connectionId']);
  const clientSecret = memberOf(raw, ['client', 'clientSecret']);
  const refreshToken = memberOf(raw, ['grant', 'refreshToken']);
  return {
    file: parsed.success && problems.length === 0 ? parsed.data : null,
    problems,
    connectionId: isConnectionId(connectionId) ? connectionId : null,
    references: {
      ...(isSecretReference(clientSecret) ? { clientSecret } : {}),
      ...(isSecretReference(refreshToken) ? { refreshToken } : {}),
    },
  };
}

/**
 * Checks a connection file.
 *
 * @throws ConnectionFileError with every problem at once
 */
export function parseConnectionFile(raw: unknown, network: NetworkRules): ConnectionFile {
  const { file, problems } = readConnectionFile(raw, network);
  if (file === null) throw new ConnectionFileError(problems);
  return file;
}

function problemsOf(issue: z.core.$ZodIssue, raw: unknown): Problem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: [...path, key].join('.'),
      problem: unknownMember(path),
    }));
  }
  const missing = path.length > 0 && memberOf(raw, path) === undefined;
  const problem = missing ? `is missing: it ${issue.message}` : issue.message;
  return [{ field: path.join('.'), problem }];
}

const MEMBERS: Readonly<Record<string, string>> = {
  '': 'connectionId, authorizationServer, client, grant, api, lifetime',
  authorizationServer:
    'issuer, tokenEndpoint, authorizationEndpoint, pushedAuthorizationRequestEndpoint, ' +
    'revocationEndpoint, introspectionEndpoint, deviceAuthorizationEndpoint, jwksUri, ' +
    'authorizationResponseIssParameterSupported, requirePushedAuthorizationRequests, ' +
    'requestTimeoutMs',
  client: 'clientId, authentication, clientSecret',
  grant:
    'grantType, scope, parameters, authorizationParameters, pkce, redirectUris, expectedSubject, ' +
    'refreshToken, useRefreshToken, rotation',
  'grant.rotation': 'graceMs',
  api: 'allowedOrigins, responseHeaders, callers',
  'api.callers': 'workflowTypes',
  lifetime: 'refresh, defaultExpiresInMs',
};

function unknownMember(path: string[]): string {
  const parent = path.join('.');
  const known = MEMBERS[parent];
  return `is not a member that is known here${known === undefined ? '' : ` (known: ${known})`}`;
}
