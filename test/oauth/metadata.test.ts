import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createNetwork } from '../../src/network.js';
import {
  discoverAuthorizationServer,
  MetadataError,
  type AuthorizationServerMetadata,
} from '../../src/oauth/index.js';
import { loopback } from './requests.js';
import { startRawServer, startServer, unusedPort, type TestServer } from './servers.js';

type Documents = (origin: string) => Record<string, unknown>;

const RFC_8414 = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';

async function serve(documents: Documents): Promise<TestServer> {
  const server: TestServer = await startServer((request, response) => {
    const document = documents(server.origin)[request.url];
    if (typeof document === 'number') response.writeHead(document, { location: OPENID }).end();
    else if (document === undefined) response.writeHead(404).end('{}');
    else response.end(typeof document === 'string' ? document : JSON.stringify(document));
  });
  return server;
}

async function discover(issuer: string): Promise<AuthorizationServerMetadata> {
  return discoverAuthorizationServer({ issuer, network: loopback, timeoutMs: 1_000 });
}

async function errorOf(issuer: string): Promise<MetadataError> {
  const error: unknown = await discover(issuer).catch((thrown: unknown) => thrown);
  if (error instanceof MetadataError) return error;
  throw new Error(`Expected a MetadataError, got ${inspect(error)}.`);
}

describe('discovery', () => {
  it('reads the document between host and path (RFC 8414 §3.1)', async () => {
    const server = await serve((origin) => ({
      [`${RFC_8414}/tenant/a`]: {
        issuer: `${origin}/tenant/a`,
        token_endpoint: `${origin}/token`,
        authorization_endpoint: `${origin}/authorize`,
        revocation_endpoint: `${origin}/revoke`,
        introspection_endpoint: `${origin}/introspect`,
        device_authorization_endpoint: `${origin}/device`,
        registration_endpoint: 'not looked at',
      },
    }));
    expect(await discover(`${server.origin}/tenant/a`)).toEqual({
      issuer: `${server.origin}/tenant/a`,
      tokenEndpoint: `${server.origin}/token`,
      authorizationEndpoint: `${server.origin}/authorize`,
      revocationEndpoint: `${server.origin}/revoke`,
      introspectionEndpoint: `${server.origin}/introspect`,
      deviceAuthorizationEndpoint: `${server.origin}/device`,
    });
    expect(server.received).toHaveLength(1);
  });

  it('reads what asking a person takes', async () => {
    const server = await serve((origin) => ({
      [RFC_8414]: {
        issuer: origin,
        token_endpoint: `${origin}/token`,
        pushed_authorization_request_endpoint: `${origin}/par`,
        require_pushed_authorization_requests: true,
        authorization_response_iss_parameter_supported: true,
        jwks_uri: `${origin}/jwks`,
      },
    }));
    expect(await discover(server.origin)).toEqual({
      issuer: server.origin,
      tokenEndpoint: `${server.origin}/token`,
      pushedAuthorizationRequestEndpoint: `${server.origin}/par`,
      requirePushedAuthorizationRequests: true,
      authorizationResponseIssParameterSupported: true,
      jwksUri: `${server.origin}/jwks`,
    });
  });

  it.each([false, 'true', 1, null])('takes %j for no promise', async (value) => {
    const server = await serve((origin) => ({
      [RFC_8414]: {
        issuer: origin,
        token_endpoint: `${origin}/token`,
        require_pushed_authorization_requests: value,
        authorization_response_iss_parameter_supported: value,
      },
    }));
    expect(Object.keys(await discover(server.origin))).toEqual(['issuer', 'tokenEndpoint']);
  });

  it.each(['', '/', '/tenant/', '/tenant'])(
    "falls back to OpenID's document for an issuer that ends with %j",
    async (path) => {
      const document = `${path.replace(/\/$/, '')}${OPENID}`;
      const server = await serve((origin) => ({
        [RFC_8414]: '<html>a single-page application</html>',
        [document]: { issuer: `${origin}${path}`, token_endpoint: `${origin}/token` },
      }));
      expect(await discover(`${server.origin}${path}`)).toEqual({
        issuer: `${server.origin}${path}`,
        tokenEndpoint: `${server.origin}/token`,
      });
    },
  );

  it.each<[string, (origin: string) => string]>([
    ['another issuer', () => 'https://evil.example'],
    ['a slash more', (origin) => `${origin}/`],
    ['another case', (origin) => origin.toUpperCase()],
    ['a default port', (origin) => `${origin}/..`],
  ])('refuses metadata of %s to the letter (RFC 8414 §3.3)', async (_name, issuerOf) => {
    const server = await serve((origin) => ({
      [RFC_8414]: { issuer: issuerOf(origin), token_endpoint: `${origin}/token` },
    }));
    const error = await errorOf(server.origin);
    expect(error).toMatchObject({ code: 'issuer_mismatch', temporary: false });
    expect(error.message).not.toContain('evil');
  });

  it('says which way round a slash is missing', async () => {
    const server = await serve((origin) => ({
      [OPENID]: { issuer: `${origin}/`, token_endpoint: `${origin}/token` },
    }));
    expect((await errorOf(server.origin)).message).toContain('it ends with a slash');
  });

  it.each<[string, unknown, string]>([
    ['missing', undefined, 'token_endpoint_missing'],
    ['a number', 5, 'endpoint_invalid'],
    ['relative', '/token', 'endpoint_invalid'],
    ['with a fragment', 'https://auth.example/token#CANARY', 'endpoint_invalid'],
    ['plain http elsewhere', 'http://auth.example/token?CANARY', 'network_not_allowed'],
    ['cloud metadata', 'https://169.254.169.254/token?CANARY', 'network_not_allowed'],
    ['another scheme', 'file:///etc/passwd', 'network_not_allowed'],
    ['with a password', 'https://a:CANARY@auth.example/', 'network_not_allowed'],
  ])('refuses a token endpoint that is %s', async (_name, tokenEndpoint, code) => {
    const server = await serve((origin) => ({
      [RFC_8414]: { issuer: origin, token_endpoint: tokenEndpoint },
    }));
    const error = await errorOf(server.origin);
    expect(error.code).toBe(code);
    expect(error.message).toContain(code === 'token_endpoint_missing' ? 'names no' : 'The token_');
    expect(inspect(error, { depth: 9 })).not.toContain('CANARY');
  });

  it('refuses any other endpoint that is not allowed, by its name', async () => {
    const server = await serve((origin) => ({
      [RFC_8414]: {
        issuer: origin,
        token_endpoint: `${origin}/token`,
        revocation_endpoint: 'http://10.0.0.1/revoke',
      },
    }));
    expect((await errorOf(server.origin)).message).toContain('The revocation_endpoint');
  });

  it('follows no redirect', async () => {
    const server = await serve(() => ({ [RFC_8414]: 307, [OPENID]: 302 }));
    expect((await errorOf(server.origin)).code).toBe('not_found');
    expect(server.received.map(({ url }) => url)).toEqual([RFC_8414, OPENID]);
  });

  it('says that there is none, and what to do', async () => {
    const server = await serve(() => ({}));
    const error = await errorOf(server.origin);
    expect(error).toMatchObject({ code: 'not_found', temporary: false });
    expect(error.message).toContain('tokenEndpoint');
  });

  it.each(['CANARY', '[]', 'null', '', `{"issuer":"${'x'.repeat(2 * 1024 * 1024)}CANARY"}`])(
    'does not quote what it cannot read (%.10s)',
    async (document) => {
      const server = await serve(() => ({ [RFC_8414]: document, [OPENID]: document }));
      const error = await errorOf(server.origin);
      expect(error.code).toBe('unreadable');
      expect(inspect(error, { depth: 9 })).not.toContain('CANARY');
    },
  );

  it.each(['https://', 'CANARY', 'https://a.example?x=CANARY', 'https://a.example/#CANARY'])(
    'refuses %j as an issuer (RFC 8414 §2)',
    async (issuer) => {
      const error = await errorOf(issuer);
      expect(error.code).toBe('issuer_invalid');
      expect(inspect(error)).not.toContain('CANARY');
    },
  );

  it.each(['http://auth.example', 'https://10.0.0.1', 'http://127.0.0.1'])(
    'does not ask %s under the network setting public',
    async (issuer) => {
      const network = createNetwork({ mode: 'public' });
      const attempt = discoverAuthorizationServer({ issuer, network, timeoutMs: 500 });
      await expect(attempt).rejects.toMatchObject({ code: 'network_not_allowed' });
    },
  );

  it('does not connect to an address that the network setting does not allow', async () => {
    const network = createNetwork({
      mode: 'public',
      resolve: (_name, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    const issuer = 'https://auth.example';
    const attempt = discoverAuthorizationServer({ issuer, network, timeoutMs: 500 });
    await expect(attempt).rejects.toMatchObject({ code: 'network_not_allowed' });
  });

  it('may be tried again when the server cannot be reached, is silent or has trouble', async () => {
    const silent = await startRawServer(() => undefined);
    const troubled = await serve(() => ({ [RFC_8414]: 500, [OPENID]: 503 }));
    const gone = `http://127.0.0.1:${await unusedPort()}`;
    for (const issuer of [silent.origin, troubled.origin, gone]) {
      expect(await errorOf(issuer)).toMatchObject({ code: 'unreachable', temporary: true });
    }
  });
});
