import { asksForConsent, type GrantType } from '../contract/grant-type.js';
import type { Problem } from './problems.js';
import { memberOf } from './raw-members.js';

/** What of a grant decides what its authorization server has to offer. */
export interface ConsentGrant {
  readonly grantType: unknown;
  readonly scope?: unknown;
}

/** What an authorization server offers, as far as a consent needs it. */
export interface ConsentServer {
  readonly issuer?: unknown;
  readonly authorizationEndpoint?: unknown;
  readonly deviceAuthorizationEndpoint?: unknown;
  readonly pushedAuthorizationRequestEndpoint?: unknown;
  readonly jwksUri?: unknown;
  readonly requirePushedAuthorizationRequests?: unknown;
}

/**
 * What a consent needs and the authorization server does not name. Asked of the file where it names
 * the endpoints, and of the record after metadata was read.
 *
 * @param missing - how that is said
 */
export function missingForConsent(
  grant: ConsentGrant,
  server: ConsentServer,
  missing: string,
): Problem[] {
  const needed: [keyof ConsentServer, string][] = [];
  if (grant.grantType === 'authorization_code') {
    needed.push(['authorizationEndpoint', 'a person is sent to it']);
  }
  if (grant.grantType === 'device_code') {
    needed.push(['deviceAuthorizationEndpoint', 'it gives the code that a person enters']);
  }
  if (isConsent(grant.grantType) && hasOpenid(grant.scope)) {
    const why = 'grant.scope has openid, and an ID token is checked with it';
    needed.push(['issuer', why], ['jwksUri', why]);
  }
  if (grant.grantType === 'authorization_code' && server.requirePushedAuthorizationRequests) {
    const why = 'requirePushedAuthorizationRequests is true';
    needed.push(['pushedAuthorizationRequestEndpoint', why]);
  }
  return needed
    .filter(([name]) => server[name] === undefined || server[name] === null)
    .map(([name, why]) => ({
      field: `authorizationServer.${name}`,
      problem: `${missing}: ${why}`,
    }));
}

/** Members of `grant` that only some grant types have. */
const ONLY_FOR: readonly [string, readonly GrantType[]][] = [
  ['authorizationParameters', ['authorization_code', 'device_code']],
  ['expectedSubject', ['authorization_code', 'device_code']],
  ['pkce', ['authorization_code']],
  ['redirectUris', ['authorization_code']],
];

/** What is wrong about the members that concern a person's consent, over the raw file. */
export function consentProblems(raw: unknown): Problem[] {
  const grant = (name: string): unknown => memberOf(raw, ['grant', name]);
  const grantType = grant('grantType');
  const problems = ONLY_FOR.filter(
    ([name, types]) =>
      grant(name) !== undefined &&
      typeof grantType === 'string' &&
      !types.some((type) => type === grantType),
  ).map(([name, types]) => ({
    field: `grant.${name}`,
    problem: `must be left out: it is for grant.grantType ${types.join(' or ')}`,
  }));
  if (
    isConsent(grantType) &&
    grant('expectedSubject') !== undefined &&
    !hasOpenid(grant('scope'))
  ) {
    problems.push({
      field: 'grant.scope',
      problem:
        'must have openid among its values: grant.expectedSubject is compared with an ID token',
    });
  }
  const server = memberOf(raw, ['authorizationServer']);
  // Without a token endpoint the metadata names the others.
  if (typeof server !== 'object' || server === null || !('tokenEndpoint' in server)) {
    return problems;
  }
  return [
    ...problems,
    ...missingForConsent(
      { grantType, scope: grant('scope') },
      server as ConsentServer,
      'is missing',
    ),
  ];
}

function isConsent(grantType: unknown): boolean {
  return typeof grantType === 'string' && asksForConsent(grantType);
}

function hasOpenid(scope: unknown): boolean {
  return typeof scope === 'string' && scope.split(' ').includes('openid');
}
