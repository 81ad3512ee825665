import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNetwork, NetworkPolicyError } from '../../src/network.js';
import {
  authenticateClient,
  isProtocolParameter,
  OAuthRequestError,
  prepareTokenRequest,
  PROTOCOL_PARAMETERS,
  type ClientAuthentication,
  type TokenRequestInput,
} from '../../src/oauth/index.js';
import { Secret } from '../../src/secret.js';
import { CLIENT_SECRET, OLD_REFRESH_TOKEN, refreshInput } from './requests.js';

const network = createNetwork({ mode: 'public' });
const ENDPOINT = 'https://auth.example/token';

function clientCredentials(
  parameters: Record<string, string> = {},
  scope: string | null = null,
): TokenRequestInput {
  const grant = { grantType: 'client_credentials' as const, scope, parameters };
  return { ...refreshInput(ENDPOINT), grant };
}

function bodyOf(input: TokenRequestInput): [string, string][] {
  return [...new URLSearchParams(prepareTokenRequest(input, network).body.reveal())];
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}

describe('client authentication', () => {
  const client = (authentication: ClientAuthentication, secret: string | null = 's') => ({
    clientId: 'id',
    authentication,
    clientSecret: secret === null ? null : new Secret(secret),
  });

  it('form-encodes id and secret before base64 (RFC 6749 §2.3.1)', () => {
    const { authorization } = authenticateClient({
      clientId: '1PpAhQE',
      authentication: 'client_secret_basic',
      clientSecret: new Secret('a:b c%d&é'),
    });
    const decoded = Buffer.from(authorization?.reveal().slice(6) ?? '', 'base64').toString();
    expect(decoded).toBe('1PpAhQE:a%3Ab+c%25d%26%C3%A9');
  });

  it('encodes so that a form decoder gets any id and secret back', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (clientId, secret) => {
        const { authorization } = authenticateClient({
          clientId,
          authentication: 'client_secret_basic',
          clientSecret: new Secret(secret),
        });
        const decoded = Buffer.from(authorization?.reveal().slice(6) ?? '', 'base64').toString();
        const [id = '', password = ''] = decoded.split(':');
        const decode = (text: string): string | null => new URLSearchParams(`x=${text}`).get('x');
        return decode(id) === clientId && decode(password) === secret;
      }),
    );
  });

  it('leaves a plain id readable for servers that do not decode', () => {
    const { authorization } = authenticateClient({
      clientId: 'client_id-1.2',
      authentication: 'client_secret_basic',
      clientSecret: new Secret('s'),
    });
    expect(authorization?.reveal()).toBe(`Basic ${btoa('client_id-1.2:s')}`);
  });

  it('uses one way only (RFC 6749 §2.3)', () => {
    expect(authenticateClient(client('client_secret_basic')).parameters.size).toBe(0);
    const post = authenticateClient(client('client_secret_post'));
    expect(post.authorization).toBeNull();
    expect([...post.parameters.keys()]).toEqual(['client_id', 'client_secret']);
    const none = authenticateClient(client('none', null));
    expect([none.authorization, [...none.parameters]]).toEqual([null, [['client_id', 'id']]]);
  });

  it.each(['client_secret_basic', 'client_secret_post'] as const)('%s needs a secret', (name) => {
    for (const secret of [null, '']) {
      const error = thrownBy(() => authenticateClient(client(name, secret)));
      expect(error).toMatchObject({ name: 'OAuthRequestError', code: 'client_secret_missing' });
    }
  });
});

describe('a prepared token request', () => {
  it('holds the grant, the client and further parameters', () => {
    expect(bodyOf(clientCredentials({ audience: 'https://api' }, 'read write'))).toEqual([
      ['grant_type', 'client_credentials'],
      ['scope', 'read write'],
      ['client_id', 'client_id_123'],
      ['client_secret', CLIENT_SECRET],
      ['audience', 'https://api'],
    ]);
  });

  it('leaves out what has no value (RFC 6749 §3.2)', () => {
    expect(bodyOf(clientCredentials({ audience: '' }, '')).map(([name]) => name)).toEqual([
      'grant_type',
      'client_id',
      'client_secret',
    ]);
  });

  it('never sends a parameter twice (RFC 6749 §3.2)', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.string()), (parameters) => {
        fc.pre(!Object.keys(parameters).some(isProtocolParameter));
        const names = bodyOf(clientCredentials(parameters, 'a')).map(([name]) => name);
        return new Set(names).size === names.length;
      }),
    );
  });

  it.each([...PROTOCOL_PARAMETERS, 'Grant_Type', ' scope '])(
    'refuses %j among the further parameters',
    (name) => {
      const error = thrownBy(() =>
        prepareTokenRequest(clientCredentials({ [name]: 'CANARY' }), network),
      );
      expect(error).toMatchObject({ name: 'OAuthRequestError', code: 'protocol_parameter' });
      expect(String(error)).not.toContain('CANARY');
    },
  );

  it('refuses a token endpoint with a fragment (RFC 6749 §3.2) or that is no URL', () => {
    for (const tokenEndpoint of [`${ENDPOINT}#CANARY`, 'CANARY', '']) {
      const input = { ...clientCredentials(), tokenEndpoint };
      const error = thrownBy(() => prepareTokenRequest(input, network));
      expect(error).toMatchObject({ code: 'token_endpoint_invalid' });
      expect(inspect(error)).not.toContain('CANARY');
    }
  });

  it('refuses a token endpoint that the network setting does not allow', () => {
    const input = { ...clientCredentials(), tokenEndpoint: 'http://127.0.0.1/token' };
    expect(() => prepareTokenRequest(input, network)).toThrow(NetworkPolicyError);
  });

  it('refuses an empty refresh token', () => {
    const input = refreshInput(ENDPOINT);
    const grant = { ...input.grant, grantType: 'refresh_token', refreshToken: new Secret('') };
    expect(() =>
      prepareTokenRequest({ ...input, grant: grant as TokenRequestInput['grant'] }, network),
    ).toThrow(OAuthRequestError);
  });

  it('shows no secret and cannot become JSON', () => {
    const prepared = prepareTokenRequest(refreshInput(ENDPOINT), network);
    const shown = inspect(prepared, { depth: 9, showHidden: true });
    expect(prepared.body.reveal()).toContain(OLD_REFRESH_TOKEN);
    expect(shown).not.toContain('CANARY');
    expect(() => JSON.stringify(prepared)).toThrow(TypeError);
  });
});

describe('an authorization code', () => {
  const grant = {
    grantType: 'authorization_code' as const,
    code: new Secret('SplxlOBeZQQYbYS6WxSbIA'),
    redirectUri: 'https://client.example/cb?x=1',
    codeVerifier: new Secret('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'),
    parameters: { resource: 'https://api.example' },
  };

  it('is sent with its redirect_uri and its verifier (RFC 6749 §4.1.3, RFC 7636 §4.5)', () => {
    expect(bodyOf({ ...refreshInput(ENDPOINT), grant })).toEqual([
      ['grant_type', 'authorization_code'],
      ['code', 'SplxlOBeZQQYbYS6WxSbIA'],
      ['redirect_uri', 'https://client.example/cb?x=1'],
      ['code_verifier', 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'],
      ['client_id', 'client_id_123'],
      ['client_secret', CLIENT_SECRET],
      ['resource', 'https://api.example'],
    ]);
  });

  it('is sent without a verifier when none was announced', () => {
    const names = bodyOf({ ...refreshInput(ENDPOINT), grant: { ...grant, codeVerifier: null } });
    expect(names.map(([name]) => name)).not.toContain('code_verifier');
  });

  it('is not sent when it is empty, nor is a device code', () => {
    const device = {
      grantType: 'device_code' as const,
      deviceCode: new Secret(''),
      parameters: {},
    };
    for (const empty of [{ ...grant, code: new Secret('') }, device]) {
      expect(thrownBy(() => bodyOf({ ...refreshInput(ENDPOINT), grant: empty }))).toMatchObject({
        code: 'code_missing',
      });
    }
  });
});
