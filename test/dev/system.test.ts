import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  startAuthorizationServer,
  type AuthorizationServer,
} from '../../dev/system/authorization-server.js';
import { startSuperserviceApi, type SuperserviceApi } from '../../dev/system/superservice-api.js';

const warnings = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'info')];
let server: AuthorizationServer;
let api: SuperserviceApi;

beforeAll(async () => {
  server = await startAuthorizationServer({
    rotateRefreshToken: true,
    accessTokenTtlSeconds: 60,
    clients: [
      { clientId: 'basic', clientSecret: 'a:b+c%' },
      { clientId: 'post', clientSecret: 'p', authentication: 'client_secret_post' },
      { clientId: 'public', authentication: 'none', grantTypes: ['refresh_token'] },
    ],
  });
  const { introspectionEndpoint, resourceServerClient } = server;
  api = await startSuperserviceApi({ introspectionEndpoint, ...resourceServerClient });
});
afterAll(async () => {
  await api.stop();
  await server.stop();
});

interface TokenAnswer {
  status: number;
  access_token?: string;
  refresh_token?: string;
  expires_in?: number;
  error?: string;
}

async function requestToken(
  body: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const response = await fetch(server.tokenEndpoint, {
    method: 'POST',
    headers,
    body: new URLSearchParams(body),
  });
  const text = await response.text();
  return { ...(text && (JSON.parse(text) as object)), status: response.status };
}

const post = { client_id: 'post', client_secret: 'p', grant_type: 'client_credentials' };

function callApi(path: string, accessToken = ''): Promise<Response> {
  const headers = { authorization: `Bearer ${accessToken}` };
  return fetch(`${api.origin}${path}`, { headers, redirect: 'manual' });
}

describe('the authorization server', () => {
  it('issues an opaque token by client_secret_basic and ignores unknown parameters', async () => {
    const pair = ['basic', 'a:b+c%'].map(encodeURIComponent).join(':');
    const authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    const answer = await requestToken(
      { grant_type: 'client_credentials', resource: 'https://x.example', audience: 'y' },
      { authorization },
    );
    expect(answer).toMatchObject({ status: 200, expires_in: 60 });
    expect(answer.access_token).toMatch(/^[\w-]{43}$/);
  });

  it('counts each token request by grant type, client and outcome', async () => {
    const before = server.countTokenRequests();
    await requestToken(post);
    await requestToken({ ...post, client_secret: 'wrong' });
    expect(server.countTokenRequests() - before).toBe(2);
    expect(server.countTokenRequests({ clientId: 'post', outcome: 'refused' })).toBe(1);
    expect(server.countTokenRequests({ grantType: 'refresh_token' })).toBe(0);
  });

  it('rotates a refresh token, and kills the grant when the old one comes back', async () => {
    const old = await server.mintRefreshToken({
      clientId: 'public',
      accountId: 'anna',
      scope: 'things:read offline_access',
    });
    const refresh = (refresh_token = ''): Promise<TokenAnswer> =>
      requestToken({ grant_type: 'refresh_token', client_id: 'public', refresh_token });
    const first = await refresh(old);
    expect(first.status).toBe(200);
    expect(first.refresh_token).not.toBe(old);
    expect(server.countRefreshTokens()).toBe(1);
    expect(await refresh(old)).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect(await refresh(first.refresh_token)).toMatchObject({ error: 'invalid_grant' });
    expect(server.countRefreshTokens()).toBe(0);
  });

  it('can be made to fail, and is well again', async () => {
    server.hooks.onTokenRequest = async () => ({ status: 503, headers: { 'retry-after': '2' } });
    expect((await requestToken(post)).status).toBe(503);
    expect(server.requests.at(-1)).toMatchObject({ grantType: 'client_credentials', status: 503 });
    server.hooks.onTokenRequest = null;
    expect((await requestToken(post)).status).toBe(200);
  });
});

describe('the SuperService API', () => {
  it('asks the authorization server about the token each time', async () => {
    const { access_token } = await requestToken(post);
    expect((await callApi('/v1/things', access_token)).status).toBe(200);
    expect(server.revokeAccessToken(access_token ?? '')).toBe(true);
    const refused = await callApi('/v1/things', access_token);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  it('refuses every token after all were revoked behind our back', async () => {
    const { access_token } = await requestToken(post);
    expect(server.revokeAllAccessTokens()).toBeGreaterThan(0);
    expect((await callApi('/v1/things', access_token)).status).toBe(401);
  });

  it.each([
    ['/v1/forbidden', 403],
    ['/v1/always-unauthorized', 401],
    ['/v1/redirect?to=http://elsewhere.example/', 302],
    ['/v1/large?bytes=1000', 200],
    ['/v1/nothing', 404],
  ])('answers %s with %i', async (path, status) => {
    const { access_token } = await requestToken(post);
    expect((await callApi(path, access_token)).status).toBe(status);
    expect(api.requests.at(-1)).toMatchObject({ method: 'GET', path, status });
  });

  it('gives the token back only where it is meant to', async () => {
    const { access_token = '' } = await requestToken(post);
    expect(await (await callApi('/v1/echo', access_token)).text()).not.toContain(access_token);
    expect(await (await callApi('/v1/echo-authorization', access_token)).text()).toContain(
      access_token,
    );
  });
});

describe('both', () => {
  it('run without a warning on the console', () => {
    for (const spy of warnings) expect(spy).not.toHaveBeenCalled();
  });
});
