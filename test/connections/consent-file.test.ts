// Connection files of the grants that need a person.
import { describe, expect, it } from 'vitest';
import { readConnectionFile, type Problem } from '../../src/connections/index.js';
import { consentWarnings } from '../../src/connections/consent-warnings.js';
import { resolveRecord } from '../../src/connections/record.js';
import { parseConnectionFile } from '../../src/connections/index.js';
import { createNetwork } from '../../src/network.js';

const network = createNetwork({ mode: 'public' });

const SERVER = {
  issuer: 'https://as.example.com',
  tokenEndpoint: 'https://as.example.com/token',
  authorizationEndpoint: 'https://as.example.com/authorize',
  deviceAuthorizationEndpoint: 'https://as.example.com/device',
  jwksUri: 'https://as.example.com/jwks',
};

function file(grant: object, server: object = SERVER): unknown {
  return {
    connectionId: 'crm',
    authorizationServer: server,
    client: { clientId: 'integration', authentication: 'none' },
    grant,
    api: { allowedOrigins: ['https://api.example.com'] },
  };
}

const problemsOf = (raw: unknown): Problem[] => readConnectionFile(raw, network).problems;
const linesOf = (raw: unknown): string[] =>
  problemsOf(raw).map(({ field, problem }) => `${field}: ${problem}`);

const CODE = { grantType: 'authorization_code', scope: 'openid offline_access' };

describe('a connection file for a person', () => {
  it.each([
    CODE,
    { grantType: 'authorization_code' },
    {
      ...CODE,
      authorizationParameters: { access_type: 'offline', prompt: 'consent' },
      expectedSubject: '248289761001',
      pkce: false,
      redirectUris: ['https://tokens.example.com/callback', 'http://127.0.0.1/callback'],
      rotation: 'strict',
    },
    { grantType: 'device_code', scope: 'openid', expectedSubject: 'alice' },
  ])('is right: %j', (grant) => {
    expect(linesOf(file(grant))).toEqual([]);
  });

  it.each([
    'https://tokens.example.com/callback?tenant=1',
    'http://127.0.0.1/callback',
    'http://127.0.0.1:8765/callback',
    'http://[::1]/callback',
    'http://localhost/callback',
  ])('may name the redirect URI %s', (redirectUri) => {
    expect(linesOf(file({ ...CODE, redirectUris: [redirectUri] }))).toEqual([]);
  });

  it.each([
    'http://tokens.example.com/callback',
    'https://tokens.example.com/callback#x',
    'https://hunter2@tokens.example.com/',
    'com.example.app:/callback',
    '/callback',
    'https://tokens.example.com/call back',
  ])('may not name the redirect URI %s, and is not quoted', (redirectUri) => {
    const [line, ...others] = linesOf(file({ ...CODE, redirectUris: [redirectUri] }));
    expect(others).toEqual([]);
    expect(line).toMatch(/^grant\.redirectUris\.0: must be an https URL without a fragment/);
    expect(line).not.toContain('hunter2');
  });

  it.each([
    ['nonce', 'grant.authorizationParameters.nonce'],
    ['response_mode', 'grant.authorizationParameters.response_mode'],
    ['State', 'grant.authorizationParameters.State'],
    ['redirect_uri', 'grant.authorizationParameters.redirect_uri'],
    ['code_challenge_method', 'grant.authorizationParameters.code_challenge_method'],
  ])('may not set the parameter %s, which is the protocol’s own', (name, field) => {
    expect(problemsOf(file({ ...CODE, authorizationParameters: { [name]: 'x' } }))).toEqual([
      { field, problem: expect.stringContaining('of the protocol itself') as string },
    ]);
  });

  it('needs the endpoint a person is sent to', () => {
    const server = { tokenEndpoint: SERVER.tokenEndpoint };
    expect(linesOf(file({ grantType: 'authorization_code' }, server))).toEqual([
      'authorizationServer.authorizationEndpoint: is missing: a person is sent to it',
    ]);
    expect(linesOf(file({ grantType: 'device_code' }, server))).toEqual([
      'authorizationServer.deviceAuthorizationEndpoint: is missing: it gives the code that a person enters',
    ]);
  });

  it('needs what an ID token is checked with when it asks for one', () => {
    const { tokenEndpoint, authorizationEndpoint } = SERVER;
    const lines = linesOf(file(CODE, { tokenEndpoint, authorizationEndpoint }));
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      'authorizationServer.issuer',
      'authorizationServer.jwksUri',
    ]);
  });

  it('needs openid to know who consented', () => {
    const grant = { grantType: 'authorization_code', scope: 'read', expectedSubject: 'alice' };
    expect(linesOf(file(grant))).toEqual([
      'grant.scope: must have openid among its values: grant.expectedSubject is compared with an ID token',
    ]);
  });

  it('needs an endpoint for pushed requests when only those are taken (RFC 9126 §5)', () => {
    const server = { ...SERVER, requirePushedAuthorizationRequests: true };
    expect(linesOf(file(CODE, server))).toEqual([
      'authorizationServer.pushedAuthorizationRequestEndpoint: is missing: requirePushedAuthorizationRequests is true',
    ]);
  });

  it('brings no refresh token, and no other grant has its members', () => {
    expect(linesOf(file({ ...CODE, refreshToken: { env: 'RT' }, useRefreshToken: false }))).toEqual(
      [
        'grant.refreshToken: must be left out, because grant.grantType is authorization_code',
        'grant.useRefreshToken: must be left out: it is for grant.grantType client_credentials',
      ],
    );
    expect(
      linesOf(
        file({ grantType: 'refresh_token', pkce: true, expectedSubject: 'alice', scope: 'openid' }),
      ),
    ).toEqual([
      'grant.expectedSubject: must be left out: it is for grant.grantType authorization_code or device_code',
      'grant.pkce: must be left out: it is for grant.grantType authorization_code',
    ]);
  });
});

describe('the record of a connection for a person', () => {
  it('sends PKCE unless told otherwise, and asks anybody', async () => {
    const parsed = parseConnectionFile(file(CODE), network);
    expect(await resolveRecord(parsed, network)).toMatchObject({
      authorizationServer: {
        ...SERVER,
        pushedAuthorizationRequestEndpoint: null,
        authorizationResponseIssParameterSupported: false,
        requirePushedAuthorizationRequests: false,
      },
      grant: {
        ...CODE,
        authorizationParameters: {},
        pkce: true,
        redirectUris: [],
        expectedSubject: null,
      },
    });
  });

  it('is put with a warning when it does without PKCE (RFC 9700 §2.1.1)', async () => {
    const parsed = parseConnectionFile(file({ ...CODE, pkce: false }), network);
    const record = await resolveRecord(parsed, network);
    expect(consentWarnings(record, [])).toEqual([expect.stringMatching(/^grant\.pkce is false/)]);
    const careful = { grant: { ...record.grant, pkce: true } };
    expect(consentWarnings(careful, ['grant.redirectUris'])).toEqual([]);
    expect(consentWarnings(careful, ['grant.scope'])).toEqual([
      'What changed in grant.scope is asked for at the next authorization.',
    ]);
  });
});
