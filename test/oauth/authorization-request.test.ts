import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createNetwork } from '../../src/network.js';
import {
  codeChallengeOf,
  createAuthorizationRequest,
  type AuthorizationRequest,
  type AuthorizationRequestInput,
} from '../../src/oauth/index.js';
import { Secret } from '../../src/secret.js';
import { authorizationInput, REDIRECT_URI, SEND } from './consent-requests.js';
import { CLIENT_SECRET } from './requests.js';
import { startServer, unusedPort, type TestServer } from './servers.js';

async function requestOf(input: AuthorizationRequestInput): Promise<AuthorizationRequest> {
  const result = await createAuthorizationRequest(input, SEND);
  if (result.kind === 'ready') return result.request;
  throw new Error(`Expected a request, got ${JSON.stringify(result.failure)}.`);
}

const parametersOf = ({ url }: AuthorizationRequest): Record<string, string> =>
  Object.fromEntries(new URL(url.reveal()).searchParams);

/** A server that answers pushed requests with `answer`. */
async function pushTo(status: number, answer: unknown) {
  const server: TestServer = await startServer((_request, response) => {
    response.writeHead(status).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  const authorizationServer = {
    authorizationEndpoint: 'https://auth.example/authorize',
    pushedAuthorizationRequestEndpoint: `${server.origin}/par`,
    requirePushedAuthorizationRequests: true,
  };
  return { server, input: authorizationInput({ authorizationServer }) };
}

describe('the code challenge', () => {
  it('is that of RFC 7636 Appendix B', () => {
    const codeVerifier = new Secret('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk');
    expect(codeChallengeOf(codeVerifier)).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
  });
});

describe('an authorization request', () => {
  it('has what the protocol asks for, and a query that the endpoint has stays (RFC 6749 §3.1)', async () => {
    const request = await requestOf(authorizationInput());
    const { state, nonce, codeVerifier } = request;
    expect(request.url.reveal()).toMatch(/^https:\/\/auth\.example\/authorize\?flow=1&/);
    expect(parametersOf(request)).toEqual({
      flow: '1',
      response_type: 'code',
      client_id: 'client_id_123',
      redirect_uri: REDIRECT_URI,
      scope: 'openid offline_access',
      state: state.reveal(),
      nonce: nonce?.reveal(),
      code_challenge: codeVerifier === null ? '' : codeChallengeOf(codeVerifier),
      code_challenge_method: 'S256',
      access_type: 'offline',
      prompt: 'consent',
    });
    expect(request.expiresInMs).toBeNull();
  });

  it('cannot be guessed: 256 bit each, new each time, of the alphabet of RFC 7636 §4.1', async () => {
    const requests = await Promise.all(
      Array.from({ length: 50 }, () => requestOf(authorizationInput())),
    );
    const texts = requests.flatMap(({ state, nonce, codeVerifier }) =>
      [state, nonce, codeVerifier].map((secret) => secret?.reveal() ?? ''),
    );
    expect(new Set(texts).size).toBe(150);
    for (const text of texts) expect(text).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('sends neither the verifier nor the client secret through the browser', async () => {
    const request = await requestOf(authorizationInput());
    expect(request.url.reveal()).not.toContain(request.codeVerifier?.reveal());
    expect(request.url.reveal()).not.toContain(CLIENT_SECRET);
    expect(inspect(request)).not.toContain(request.state.reveal());
  });

  it('asks for no ID token, and does without PKCE, when it is told so', async () => {
    const request = await requestOf(authorizationInput({ scope: null, pkce: false }));
    expect(request).toMatchObject({ nonce: null, codeVerifier: null });
    const names = Object.keys(parametersOf(request));
    expect(names).not.toContain('scope');
    expect(names).not.toContain('nonce');
    expect(names).not.toContain('code_challenge_method');
  });

  it.each(['state', 'nonce', 'Redirect_Uri', 'response_mode', 'code_challenge', 'request'])(
    'is not made with a parameter %s of the connection',
    async (name) => {
      const input = authorizationInput({ parameters: { [name]: 'CANARY' } });
      const attempt = createAuthorizationRequest(input, SEND);
      await expect(attempt).rejects.toMatchObject({ code: 'protocol_parameter' });
      await expect(attempt).rejects.not.toThrow('CANARY');
    },
  );

  it('is not made without an endpoint, or one to push to where the server wants that', async () => {
    const endpoints = authorizationInput().authorizationServer;
    for (const authorizationServer of [
      { ...endpoints, authorizationEndpoint: null },
      { ...endpoints, authorizationEndpoint: 'authorize' },
      { ...endpoints, requirePushedAuthorizationRequests: true },
    ]) {
      const attempt = createAuthorizationRequest(authorizationInput({ authorizationServer }), SEND);
      await expect(attempt).rejects.toMatchObject({ code: 'endpoint_invalid' });
    }
  });
});

describe('a pushed authorization request', () => {
  it('takes everything to the server; the URL has client_id and request_uri only (RFC 9126 §4)', async () => {
    const { server, input } = await pushTo(201, {
      request_uri: 'urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c',
      expires_in: 60,
    });
    const request = await requestOf(input);
    expect(request.url.reveal()).toBe(
      'https://auth.example/authorize?client_id=client_id_123&request_uri=' +
        'urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A6esc_11ACC5bwc014ltc14eY22c',
    );
    expect(request.expiresInMs).toBe(60_000);
    const [pushed] = server.received;
    expect(pushed?.method).toBe('POST');
    expect(Object.fromEntries(new URLSearchParams(pushed?.body))).toMatchObject({
      client_id: 'client_id_123',
      client_secret: CLIENT_SECRET,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      state: request.state.reveal(),
      code_challenge_method: 'S256',
      prompt: 'consent',
    });
    expect(new URLSearchParams(pushed?.body).getAll('client_id')).toHaveLength(1);
  });

  it.each<[number, unknown, string, string]>([
    [400, { error: 'invalid_request', error_description: 'CANARY' }, 'invalid_request', 'rejected'],
    [401, { error: 'invalid_client' }, 'invalid_client', 'rejected'],
    [400, { error: 'CANARY' }, 'other', 'rejected'],
    [429, {}, 'rate_limited', 'rejected_for_now'],
    [503, {}, 'server_error', 'unknown'],
    [307, {}, 'other', 'rejected'],
    [201, {}, 'malformed_response', 'unknown'],
    [201, { request_uri: 5 }, 'malformed_response', 'unknown'],
    [201, { request_uri: 'a b' }, 'malformed_response', 'unknown'],
    [201, '<html>CANARY', 'malformed_response', 'unknown'],
  ])('that is answered %i %j is %s', async (status, answer, code, certainty) => {
    const { input } = await pushTo(status, answer);
    const result = await createAuthorizationRequest(input, SEND);
    expect(result).toMatchObject({ kind: 'failed', failure: { code, certainty } });
    expect(inspect(result, { depth: 9 })).not.toContain('CANARY');
  });

  it('that cannot be sent was not sent', async () => {
    const { input } = await pushTo(201, {});
    const authorizationServer = {
      ...input.authorizationServer,
      pushedAuthorizationRequestEndpoint: `http://127.0.0.1:${await unusedPort()}/par`,
    };
    const result = await createAuthorizationRequest({ ...input, authorizationServer }, SEND);
    expect(result).toMatchObject({ failure: { code: 'unreachable', certainty: 'not_sent' } });
  });

  it('goes only where the network setting allows', async () => {
    const { input } = await pushTo(201, {});
    const network = createNetwork({ mode: 'public' });
    const attempt = createAuthorizationRequest(input, { network, timeoutMs: 500 });
    await expect(attempt).rejects.toMatchObject({ code: 'network_not_allowed' });
  });
});
