import { consentProblems } from './consent-rules.js';
import type { Problem } from './problems.js';
import { memberOf } from './raw-members.js';

/** The secrets a connection may have. */
export type SecretName = 'clientSecret' | 'refreshToken';

/** Where a secret's reference stands in the file. */
export const SECRET_FIELDS: Readonly<Record<SecretName, string>> = {
  clientSecret: 'client.clientSecret',
  refreshToken: 'grant.refreshToken',
};

/**
 * Rules that concern two members at once, checked on the raw file so that they are told together
 * with everything else. Whether a needed secret is there is another question: it may be sealed.
 */
export function crossMemberProblems(raw: unknown, fromStdin: ReadonlySet<SecretName>): Problem[] {
  return [
    ...endpointProblems(memberOf(raw, ['authorizationServer'])),
    ...clientSecretProblems(raw, fromStdin),
    ...refreshTokenProblems(raw, fromStdin),
    ...consentProblems(raw),
  ];
}

function endpointProblems(server: unknown): Problem[] {
  if (typeof server !== 'object' || server === null || Array.isArray(server)) return [];
  const names = Object.keys(server);
  if (names.includes('tokenEndpoint')) return [];
  const field = 'authorizationServer.tokenEndpoint';
  if (!names.includes('issuer')) {
    return [
      { field, problem: 'is missing: give it, or give issuer and its metadata is read instead' },
    ];
  }
  const others = names.filter((name) => name.endsWith('Endpoint'));
  if (others.length === 0) return [];
  const problem = `is missing: issuer alone has all endpoints read from its metadata, so either leave ${others.join(', ')} out or give tokenEndpoint too`;
  return [{ field, problem }];
}

function clientSecretProblems(raw: unknown, fromStdin: ReadonlySet<SecretName>): Problem[] {
  if (memberOf(raw, ['client', 'authentication']) !== 'none') return [];
  const given =
    memberOf(raw, ['client', 'clientSecret']) !== undefined || fromStdin.has('clientSecret');
  if (!given) return [];
  return [
    {
      field: SECRET_FIELDS.clientSecret,
      problem: 'must be left out, because client.authentication is none',
    },
  ];
}

/** Grants whose refresh token comes from the authorization server, if at all. */
const WITHOUT_REFRESH_TOKEN = new Set(['client_credentials', 'authorization_code', 'device_code']);

function refreshTokenProblems(raw: unknown, fromStdin: ReadonlySet<SecretName>): Problem[] {
  const grantType = memberOf(raw, ['grant', 'grantType']);
  const problems: Problem[] = [];
  const given =
    memberOf(raw, ['grant', 'refreshToken']) !== undefined || fromStdin.has('refreshToken');
  if (given && typeof grantType === 'string' && WITHOUT_REFRESH_TOKEN.has(grantType)) {
    const problem = `must be left out, because grant.grantType is ${grantType}`;
    problems.push({ field: SECRET_FIELDS.refreshToken, problem });
  }
  if (grantType === 'client_credentials' && memberOf(raw, ['grant', 'rotation']) !== undefined) {
    const problem = 'must be left out: client credentials lose nothing when they ask again';
    problems.push({ field: 'grant.rotation', problem });
  }
  const others = grantType !== 'client_credentials' && typeof grantType === 'string';
  if (others && memberOf(raw, ['grant', 'useRefreshToken']) !== undefined) {
    const problem = 'must be left out: it is for grant.grantType client_credentials';
    problems.push({ field: 'grant.useRefreshToken', problem });
  }
  return problems;
}
