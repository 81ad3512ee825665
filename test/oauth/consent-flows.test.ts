// Against a real authorization server, with a person at its pages: what asks, what comes back, and what
// it is redeemed for.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  startAuthorizationServer,
  type AuthorizationServer,
} from '../../dev/system/authorization-server.js';
import {
  checkIdToken,
  createAuthorizationRequest,
  createKeySets,
  discoverAuthorizationServer,
  prepareTokenRequest,
  readAuthorizationResponse,
  requestDeviceAuthorization,
  sendTokenRequest,
  type AuthorizationEndpoints,
  type AuthorizationRequest,
  type AuthorizationRequestInput,
  type AuthorizationServerMetadata,
  type TokenClient,
  type TokenGrant,
} from '../../src/oauth/index.js';
import { Secret } from '../../src/secret.js';
import { Browser } from '../support/browser.js';
import { consentAt, consentOnDevice, type Consent } from '../support/consent.js';
import { SEND } from './consent-requests.js';
import { failureOf, loopback, responseOf } from './requests.js';

const REDIRECT_URI = 'https://tokens.example/callback';
const SCOPE = 'openid offline_access things:read';
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

const CONFIDENTIAL: TokenClient = {
  clientId: 'crm',
  authentication: 'client_secret_basic',
  clientSecret: new Secret('crm-secret'),
};
const PUBLIC: TokenClient = { clientId: 'cli', authentication: 'none', clientSecret: null };
const STRICT: TokenClient = { ...CONFIDENTIAL, clientId: 'strict' };

let server: AuthorizationServer;
let shortLived: AuthorizationServer;
let metadata: AuthorizationServerMetadata;
let endpoints: AuthorizationEndpoints;

beforeAll(async () => {
  const grantTypes = ['authorization_code', 'refresh_token', DEVICE_CODE] as const;
  const registered = { clientSecret: 'crm-secret', grantTypes, scope: SCOPE };
  server = await startAuthorizationServer({
    clients: [
      { ...registered, clientId: 'crm', redirectUris: [REDIRECT_URI] },
      {
        ...registered,
        clientId: 'strict',
        redirectUris: [REDIRECT_URI],
        requirePushedAuthorizationRequests: true,
      },
      {
        clientId: 'cli',
        authentication: 'none',
        grantTypes,
        scope: SCOPE,
        redirectUris: ['http://127.0.0.1/callback'],
      },
    ],
  });
  shortLived = await startAuthorizationServer({
    clients: [{ clientId: 'cli', authentication: 'none', grantTypes: [DEVICE_CODE], scope: SCOPE }],
    deviceCodeTtlSeconds: 1,
  });
  const { issuer } = server;
  metadata = await discoverAuthorizationServer({ issuer, network: loopback, timeoutMs: 2_000 });
  endpoints = {
    authorizationEndpoint: metadata.authorizationEndpoint ?? null,
    pushedAuthorizationRequestEndpoint: null,
    requirePushedAuthorizationRequests: false,
  };
});
afterAll(() => Promise.all([server.stop(), shortLived.stop()]));

async function ask(different: Partial<AuthorizationRequestInput> = {}) {
  const input: AuthorizationRequestInput = {
    authorizationServer: endpoints,
    client: CONFIDENTIAL,
    redirectUri: REDIRECT_URI,
    scope: SCOPE,
    parameters: { prompt: 'consent' },
    pkce: true,
    ...different,
  };
  const result = await createAuthorizationRequest(input, SEND);
  if (result.kind === 'failed') throw new Error(JSON.stringify(result.failure));
  return { input, request: result.request };
}

function read(callback: URL, { state }: AuthorizationRequest) {
  const { issuer } = server;
  return readAuthorizationResponse(callback.searchParams, {
    state,
    issuer,
    issParameterSupported: metadata.authorizationResponseIssParameterSupported ?? false,
  });
}

function redeem(client: TokenClient, grant: TokenGrant, { tokenEndpoint } = server) {
  return sendTokenRequest(prepareTokenRequest({ tokenEndpoint, client, grant }, loopback), SEND);
}

/** Asks, has the person consent, and gives the grant that the code stands for. */
async function codeFor(different: Partial<AuthorizationRequestInput> = {}, consent: Consent = {}) {
  const { input, request } = await ask(different);
  const callback = await consentAt(request.url.reveal(), input.redirectUri, consent);
  const response = read(callback, request);
  if (response.kind !== 'code') throw new Error(`no code: ${JSON.stringify(response)}`);
  const { client, redirectUri } = input;
  const { code } = response;
  const { codeVerifier, nonce } = request;
  const grant: TokenGrant = {
    grantType: 'authorization_code',
    ...{ code, redirectUri, codeVerifier, parameters: {} },
  };
  return { client, grant, nonce };
}

function expectedIdToken(clientId: string, nonce: Secret | null) {
  return {
    ...{ issuer: server.issuer, jwksUri: server.jwksUri, clientId, nonce },
    ...{ receivedAtMs: Date.now(), accessToken: null, maxAgeSeconds: null, subject: null },
  };
}

describe('the metadata of the authorization server', () => {
  it('names what a consent takes', () => {
    expect(metadata).toMatchObject({
      authorizationEndpoint: server.authorizationEndpoint,
      pushedAuthorizationRequestEndpoint: server.pushedAuthorizationRequestEndpoint,
      deviceAuthorizationEndpoint: server.deviceAuthorizationEndpoint,
      jwksUri: server.jwksUri,
      authorizationResponseIssParameterSupported: true,
    });
  });
});

describe('an authorization code', () => {
  it('brings tokens, and an ID token that says who consented', async () => {
    const { client, grant, nonce } = await codeFor({}, { account: 'alice' });
    const response = responseOf(await redeem(client, grant));
    expect(response).toMatchObject({ problem: null, scope: SCOPE });
    expect(response.refreshToken).not.toBeNull();
    if (response.idToken === null) throw new Error('no ID token');
    const expected = {
      ...expectedIdToken(client.clientId, nonce),
      accessToken: response.accessToken,
    };
    const keySets = createKeySets(SEND);
    expect(await checkIdToken(response.idToken, expected, keySets)).toEqual({
      subject: 'alice',
      issuer: server.issuer,
    });
    const another = { ...expected, nonce: new Secret('another') };
    await expect(checkIdToken(response.idToken, another, keySets)).rejects.toMatchObject({
      code: 'nonce_mismatch',
    });
  });

  it('brings a refresh token whose ID token is of the same person', async () => {
    const { client, grant } = await codeFor({}, { account: 'bob' });
    const { refreshToken } = responseOf(await redeem(client, grant));
    const refreshed = responseOf(
      await redeem(client, {
        grantType: 'refresh_token',
        refreshToken: refreshToken ?? new Secret(''),
        scope: null,
        parameters: {},
      }),
    );
    if (refreshed.idToken === null) throw new Error('no ID token');
    const expected = expectedIdToken(client.clientId, null);
    const keySets = createKeySets(SEND);
    const bob = checkIdToken(refreshed.idToken, { ...expected, subject: 'bob' }, keySets);
    await expect(bob).resolves.toMatchObject({ subject: 'bob' });
    const alice = checkIdToken(refreshed.idToken, { ...expected, subject: 'alice' }, keySets);
    await expect(alice).rejects.toMatchObject({ code: 'subject_mismatch' });
  });

  it('comes of a pushed request, also where the server takes nothing else (RFC 9126)', async () => {
    const { pushedAuthorizationRequestEndpoint = null } = metadata;
    const authorizationServer = { ...endpoints, pushedAuthorizationRequestEndpoint };
    const { client, grant } = await codeFor({ authorizationServer, client: STRICT });
    expect(responseOf(await redeem(client, grant)).problem).toBeNull();
    const { request } = await ask({ client: STRICT });
    const callback = await consentAt(request.url.reveal(), REDIRECT_URI);
    expect(read(callback, request)).toEqual({ kind: 'refused', error: 'invalid_request' });
  });

  it('comes to a loopback redirect URI with any port, for a client without a secret', async () => {
    const redirectUri = 'http://127.0.0.1:49152/callback';
    const { grant } = await codeFor({ client: PUBLIC, redirectUri });
    expect(responseOf(await redeem(PUBLIC, grant)).problem).toBeNull();
  });

  it('is refused without its verifier, with another one, and at another redirect URI', async () => {
    for (const wrong of [
      { codeVerifier: null },
      { codeVerifier: new Secret('a'.repeat(43)) },
      { redirectUri: 'https://tokens.example/other' },
    ]) {
      const { client, grant } = await codeFor();
      if (grant.grantType !== 'authorization_code') throw new Error('no code');
      const failure = failureOf(await redeem(client, { ...grant, ...wrong }));
      expect(failure).toMatchObject({ code: 'invalid_grant', certainty: 'rejected' });
    }
  });

  it('is refused the second time, and ends what came of the first (RFC 6749 §4.1.2)', async () => {
    const { client, grant } = await codeFor();
    const { refreshToken } = responseOf(await redeem(client, grant));
    expect(failureOf(await redeem(client, grant)).code).toBe('invalid_grant');
    const refresh = {
      grantType: 'refresh_token' as const,
      refreshToken: refreshToken ?? new Secret(''),
      ...{ scope: null, parameters: {} },
    };
    expect(failureOf(await redeem(client, refresh)).code).toBe('invalid_grant');
  });

  it('comes without PKCE where the connection has it switched off', async () => {
    const { client, grant } = await codeFor({ pkce: false });
    expect(responseOf(await redeem(client, grant)).problem).toBeNull();
  });
});

describe('a person', () => {
  it('who refuses is told apart from everything else', async () => {
    const { request } = await ask();
    const callback = await consentAt(request.url.reveal(), REDIRECT_URI, { decision: 'deny' });
    expect(callback.searchParams.get('error_description')).toBe('The person refused.');
    expect(read(callback, request)).toEqual({ kind: 'refused', error: 'access_denied' });
  });

  it('whose answer belongs to another request, or comes of another server, is not believed', async () => {
    const { request } = await ask();
    const { request: other } = await ask();
    const callback = await consentAt(request.url.reveal(), REDIRECT_URI);
    expect(read(callback, other)).toEqual({ kind: 'invalid', problem: 'state_mismatch' });
    const mixedUp = new URL(callback);
    mixedUp.searchParams.set('iss', 'https://evil.example');
    expect(read(mixedUp, request)).toEqual({ kind: 'invalid', problem: 'issuer_mismatch' });
    mixedUp.searchParams.delete('iss');
    expect(read(mixedUp, request)).toEqual({ kind: 'invalid', problem: 'issuer_missing' });
  });

  it('who is signed in is asked for the consent alone', async () => {
    const browser = new Browser();
    await codeFor({}, { browser, account: 'carol' });
    const { client, grant, nonce } = await codeFor({}, { browser, account: 'nobody' });
    const { idToken } = responseOf(await redeem(client, grant));
    if (idToken === null) throw new Error('no ID token');
    const checked = checkIdToken(
      idToken,
      expectedIdToken(client.clientId, nonce),
      createKeySets(SEND),
    );
    await expect(checked).resolves.toMatchObject({ subject: 'carol' });
  });
});

describe('a device', () => {
  async function start(at: AuthorizationServer = server, client: TokenClient = PUBLIC) {
    const { deviceAuthorizationEndpoint } = at;
    const result = await requestDeviceAuthorization(
      { deviceAuthorizationEndpoint, client, scope: SCOPE, parameters: { prompt: 'consent' } },
      SEND,
    );
    if (result.kind === 'failed') throw new Error(JSON.stringify(result.failure));
    const { authorization } = result;
    const { deviceCode } = authorization;
    const grant: TokenGrant = { grantType: 'device_code', deviceCode, parameters: {} };
    return { ...authorization, poll: () => redeem(client, grant, at) };
  }

  it('is pending until its person has consented, and then gets its tokens once', async () => {
    const { userCode, verificationUri, intervalMs, expiresInMs, poll } = await start();
    expect({ intervalMs, expiresInMs }).toEqual({ intervalMs: 5_000, expiresInMs: 600_000 });
    expect(userCode).toMatch(/^[A-Z]{4}-[A-Z]{4}$/);
    expect(failureOf(await poll())).toMatchObject({
      code: 'authorization_pending',
      certainty: 'rejected_for_now',
    });
    const last = await consentOnDevice(verificationUri, userCode, { account: 'dave' });
    expect(last.html).toContain('The device is connected.');
    const { idToken, refreshToken, problem } = responseOf(await poll());
    expect(problem).toBeNull();
    expect(refreshToken).not.toBeNull();
    if (idToken === null) throw new Error('no ID token');
    const expected = expectedIdToken(PUBLIC.clientId, null);
    const checked = checkIdToken(idToken, expected, createKeySets(SEND));
    await expect(checked).resolves.toMatchObject({ subject: 'dave' });
    expect(failureOf(await poll()).code).toBe('invalid_grant');
  });

  it('shows a link that has the code in it, and may be a client with a secret', async () => {
    const { verificationUriComplete, poll } = await start(server, CONFIDENTIAL);
    const last = await consentOnDevice(verificationUriComplete ?? '', null);
    expect(last.html).toContain('The device is connected.');
    expect(responseOf(await poll()).problem).toBeNull();
  });

  it('whose person refuses is denied', async () => {
    const { userCode, verificationUri, poll } = await start();
    await consentOnDevice(verificationUri, userCode, { decision: 'deny' });
    expect(failureOf(await poll())).toMatchObject({ code: 'access_denied', certainty: 'rejected' });
  });

  it('whose person does not come in time has expired', async () => {
    const { userCode, verificationUri, poll, expiresInMs } = await start(shortLived);
    expect(expiresInMs).toBe(1_000);
    await expect
      .poll(async () => failureOf(await poll()), { timeout: 10_000, interval: 200 })
      .toMatchObject({ code: 'expired_token', certainty: 'rejected' });
    const last = await consentOnDevice(verificationUri, userCode);
    expect(last.html).toContain('That code is not known');
  });

  it('whose person mistypes is asked again', async () => {
    const { verificationUri } = await start();
    const last = await consentOnDevice(verificationUri, 'AAAA-AAAA');
    expect(last.html).toContain('That code is not known');
  });
});
