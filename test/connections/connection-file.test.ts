import { describe, expect, it } from 'vitest';
import { readConnectionFile, problemText } from '../../src/connections/index.js';
import { createNetwork, type NetworkMode } from '../../src/network.js';

const GOOD = {
  connectionId: 'superservice',
  authorizationServer: { tokenEndpoint: 'https://as.example.com/oauth/token' },
  client: {
    clientId: 'client_id_123',
    authentication: 'client_secret_post',
    clientSecret: { env: 'SUPERSERVICE_CLIENT_SECRET' },
  },
  grant: {
    grantType: 'client_credentials',
    scope: 'read write',
    parameters: { audience: 'https://api.example.com' },
  },
  api: { allowedOrigins: ['https://api.example.com'] },
  lifetime: { refresh: 'on-demand' },
};

type Changes = Record<string, unknown>;

/** The good file with members replaced by their path; undefined: taken away. */
function fileWith(changes: Changes): unknown {
  const file: unknown = structuredClone(GOOD);
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split('.');
    const last = names.pop() ?? '';
    let place = file as Changes;
    for (const name of names) place = (place[name] ??= {}) as Changes;
    if (value === undefined) Reflect.deleteProperty(place, last);
    else place[last] = value;
  }
  return file;
}

function problems(raw: unknown, mode: NetworkMode = 'public', stdin: 'clientSecret'[] = []) {
  return readConnectionFile(raw, createNetwork({ mode }), new Set(stdin)).problems;
}

const lines = (raw: unknown, mode?: NetworkMode): string[] => problems(raw, mode).map(problemText);

describe('a connection file', () => {
  it('is read with its defaults', () => {
    const { file } = readConnectionFile(
      fileWith({ lifetime: undefined, 'grant.parameters': undefined }),
      createNetwork({ mode: 'public' }),
    );
    expect(file).toMatchObject({
      authorizationServer: { requestTimeoutMs: 10_000 },
      grant: { parameters: {} },
      api: { responseHeaders: [] },
      lifetime: { refresh: 'on-demand' },
    });
  });

  it('may leave the secret out, which comes on standard input or is sealed already', () => {
    expect(problems(fileWith({ 'client.clientSecret': undefined }))).toEqual([]);
  });

  it('may name an issuer, alone or with pinned endpoints', () => {
    const issuer = 'https://as.example.com';
    expect(problems(fileWith({ authorizationServer: { issuer } }))).toEqual([]);
    expect(problems(fileWith({ 'authorizationServer.issuer': issuer }))).toEqual([]);
  });

  it.each(['none', 'strict', { graceMs: 30_000 }])('may declare rotation: %j', (rotation) => {
    expect(
      problems(fileWith({ 'grant.grantType': 'refresh_token', 'grant.rotation': rotation })),
    ).toEqual([]);
  });

  const RULE =
    'must be "none", "strict" or { "graceMs": N }, N being 1000 to 86400000; leave it out when unknown';
  const LENGTH = 'must be a whole number of milliseconds from 1000 to 86400000';
  it.each([
    ['lenient', '', RULE],
    [null, '', RULE],
    [{}, '', RULE],
    [{ graceMs: 1_000, other: 1 }, '.other', 'is not a member that is known here (known: graceMs)'],
    [{ graceMs: '30s' }, '', RULE],
    [{ graceMs: 999 }, '.graceMs', LENGTH],
    [{ graceMs: 86_400_001 }, '.graceMs', LENGTH],
  ])('may not declare rotation: %j', (rotation, place, problem) => {
    const raw = fileWith({ 'grant.grantType': 'refresh_token', 'grant.rotation': rotation });
    expect(problems(raw)).toEqual([{ field: `grant.rotation${place}`, problem }]);
  });

  it('is told every problem at once', () => {
    const raw = {
      connectionId: 'a b',
      authorizationServer: { tokenEndpoint: 'http://as.example.com/token', requestTimeoutMs: 1.5 },
      client: { authentication: 'private_key_jwt', clientSecret: 'hunter2-literal' },
      grant: { grantType: 'password', rotation: 'lenient' },
      api: { allowedOrigins: ['https://api.example.com/v1'] },
      lifetime: { refresh: 'sometimes' },
      comment: 'x',
    };
    expect(problems(raw).map(({ field }) => field)).toEqual([
      'connectionId',
      'authorizationServer.tokenEndpoint',
      'authorizationServer.requestTimeoutMs',
      'client.clientId',
      'client.authentication',
      'client.clientSecret',
      'grant.grantType',
      'grant.rotation',
      'api.allowedOrigins.0',
      'lifetime.refresh',
      'comment',
    ]);
  });
});

describe('a connection file is refused', () => {
  it.each<[string, unknown, string]>([
    ['an array', [], 'must be one JSON object'],
    ['a text', 'x', 'must be one JSON object'],
    [
      'without an id',
      fileWith({ connectionId: undefined }),
      'connectionId: is missing: it must be a letter or digit, then up to 127 letters, digits, ".", "_" or "-" (it is plain text in Temporal)',
    ],
    [
      'with a path in an origin',
      fileWith({ 'api.allowedOrigins': ['https://user:pw@API.example.com:443/v1?x=1'] }),
      'api.allowedOrigins.0: must be an origin: scheme, host and port only, here "https://api.example.com"',
    ],
    [
      'with a slash after an origin',
      fileWith({ 'api.allowedOrigins': ['https://api.example.com/'] }),
      'api.allowedOrigins.0: must be an origin: scheme, host and port only, here "https://api.example.com"',
    ],
    [
      'without an origin',
      fileWith({ 'api.allowedOrigins': [] }),
      'api.allowedOrigins: must be an array of 1 to 100 origins',
    ],
    [
      'with an origin twice',
      fileWith({ 'api.allowedOrigins': ['https://a.example.com', 'https://a.example.com'] }),
      'api.allowedOrigins.1: is there twice',
    ],
    [
      'with a protocol parameter',
      fileWith({ 'grant.parameters': { Client_Secret: 'x' } }),
      'grant.parameters.Client_Secret: is a parameter of the protocol itself, which the package sets: leave it out',
    ],
    [
      'with a parameter that is no text',
      fileWith({ 'grant.parameters': { audience: 7 } }),
      'grant.parameters.audience: must be a text of 1 to 4096 characters',
    ],
    [
      'with a scope as list',
      fileWith({ 'grant.scope': ['read'] }),
      'grant.scope: must be scope values with one space between them (RFC 6749 §3.3)',
    ],
    [
      'with a method that is not built yet',
      fileWith({ 'client.authentication': 'tls_client_auth' }),
      'client.authentication: "tls_client_auth" is not supported yet: it must be client_secret_basic, client_secret_post or none',
    ],
    [
      'with a grant that is not built yet',
      fileWith({ 'grant.grantType': 'urn:ietf:params:oauth:grant-type:jwt-bearer' }),
      'grant.grantType: "urn:ietf:params:oauth:grant-type:jwt-bearer" is not supported yet: it must be client_credentials, refresh_token, authorization_code or device_code',
    ],
    [
      'with rotation of client credentials',
      fileWith({ 'grant.rotation': 'strict' }),
      'grant.rotation: must be left out: client credentials lose nothing when they ask again',
    ],
    [
      'with a request timeout above two minutes',
      fileWith({ 'authorizationServer.requestTimeoutMs': 120_001 }),
      'authorizationServer.requestTimeoutMs: must be a whole number of milliseconds from 1 to 120000',
    ],
    [
      'without endpoint and issuer',
      fileWith({ authorizationServer: {} }),
      'authorizationServer.tokenEndpoint: is missing: give it, or give issuer and its metadata is read instead',
    ],
    [
      'with a secret for a client that has none',
      fileWith({ 'client.authentication': 'none' }),
      'client.clientSecret: must be left out, because client.authentication is none',
    ],
    [
      'with a refresh token for another grant',
      fileWith({ 'grant.refreshToken': { env: 'RT' } }),
      'grant.refreshToken: must be left out, because grant.grantType is client_credentials',
    ],
    [
      'with plain http',
      fileWith({ 'authorizationServer.tokenEndpoint': 'http://as.example.com/token' }),
      'authorizationServer.tokenEndpoint: must begin with https:// (the network setting is "public"; plain http is for loopback hosts with OAUTH_TOKENS_NETWORK=loopback)',
    ],
    [
      'with a private address',
      fileWith({ 'authorizationServer.tokenEndpoint': 'https://10.0.0.1/token' }),
      'authorizationServer.tokenEndpoint: must be a URL that the network setting "public" allows. The host 10.0.0.1 may not be reached: it is an address that the network setting "public" does not allow.',
    ],
  ])('%s', (_, raw, line) => {
    expect(lines(raw)).toEqual([line]);
  });

  it('with a literal secret, which is never repeated', () => {
    const [line, ...others] = lines(fileWith({ 'client.clientSecret': 'hunter2-literal' }));
    expect(others).toEqual([]);
    expect(line).toMatch(/^client\.clientSecret: must not be the secret itself/);
    expect(line).toContain('{ "env": NAME }');
    expect(line).not.toContain('hunter2');
  });

  it('with a user name in a URL, which is not repeated either', () => {
    const url = 'https://user:hunter2@as.example.com/token';
    const [line] = lines(fileWith({ 'authorizationServer.tokenEndpoint': url }));
    expect(line).toContain('holds a user name or a password');
    expect(line).not.toContain('hunter2');
  });

  it('with an unknown member, and is told the known ones', () => {
    expect(lines(fileWith({ 'client.client_id': 'x' }))).toEqual([
      'client.client_id: is not a member that is known here (known: clientId, authentication, clientSecret)',
    ]);
  });

  it('with plain http under private, but not on loopback under loopback', () => {
    const raw = fileWith({
      'authorizationServer.tokenEndpoint': 'http://127.0.0.1:4000/token',
      'api.allowedOrigins': ['http://127.0.0.1:4001'],
    });
    expect(lines(raw, 'private')).toHaveLength(2);
    expect(lines(raw, 'loopback')).toEqual([]);
  });

  it('with a secret on standard input for a client that has none', () => {
    const raw = fileWith({ 'client.authentication': 'none', 'client.clientSecret': undefined });
    expect(problems(raw, 'public', ['clientSecret'])).toHaveLength(1);
  });
});
