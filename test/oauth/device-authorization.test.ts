import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  prepareTokenRequest,
  requestDeviceAuthorization,
  sendTokenRequest,
  type DeviceAuthorizationInput,
} from '../../src/oauth/index.js';
import { Secret } from '../../src/secret.js';
import {
  issue,
  refuse,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';
import { CLIENT, SEND } from './consent-requests.js';
import { CLIENT_SECRET, failureOf, loopback, responseOf } from './requests.js';
import { startServer, type TestServer } from './servers.js';

const ANSWER = {
  device_code: 'GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS',
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://auth.example/device',
  verification_uri_complete: 'https://auth.example/device?user_code=WDJB-MJHT',
  expires_in: 1800,
  interval: 7,
};

async function ask(
  answer: unknown,
  status = 200,
  different: Partial<DeviceAuthorizationInput> = {},
) {
  const server: TestServer = await startServer((_request, response) => {
    response.writeHead(status).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  const result = await requestDeviceAuthorization(
    {
      deviceAuthorizationEndpoint: `${server.origin}/device_authorization`,
      client: CLIENT,
      scope: 'openid offline_access',
      parameters: { audience: 'https://api.example' },
      ...different,
    },
    SEND,
  );
  return { result, server };
}

async function issued(answer: unknown) {
  const { result } = await ask(answer);
  if (result.kind === 'issued') return result.authorization;
  throw new Error(`Expected codes, got ${JSON.stringify(result.failure)}.`);
}

describe('a device authorization', () => {
  it('brings what to show and what to poll with (RFC 8628 §3.2)', async () => {
    const authorization = await issued(ANSWER);
    expect(authorization).toMatchObject({
      userCode: 'WDJB-MJHT',
      verificationUri: 'https://auth.example/device',
      verificationUriComplete: 'https://auth.example/device?user_code=WDJB-MJHT',
      expiresInMs: 1_800_000,
      intervalMs: 7_000,
    });
    expect(authorization.deviceCode.reveal()).toBe(ANSWER.device_code);
    expect(inspect(authorization)).not.toContain(ANSWER.device_code);
  });

  it('is asked for by the client, which says what for (RFC 8628 §3.1)', async () => {
    const { server } = await ask(ANSWER);
    expect(Object.fromEntries(new URLSearchParams(server.received[0]?.body))).toEqual({
      client_id: 'client_id_123',
      client_secret: CLIENT_SECRET,
      scope: 'openid offline_access',
      audience: 'https://api.example',
    });
  });

  it.each<[string, object, object]>([
    ['5 s apart when the server does not say', { interval: undefined }, { intervalMs: 5_000 }],
    ['a second apart at least', { interval: 0 }, { intervalMs: 1_000 }],
    ['5 s apart when it cannot be read', { interval: 'soon' }, { intervalMs: 5_000 }],
  ])('is polled %s', async (_what, members, expected) => {
    expect(await issued({ ...ANSWER, ...members })).toMatchObject(expected);
  });

  it('is understood with the names from before the RFC', async () => {
    const { verification_uri, ...others } = ANSWER;
    const authorization = await issued({ ...others, verification_url: verification_uri });
    expect(authorization.verificationUri).toBe(verification_uri);
  });

  it('shows no link that runs a script', async () => {
    const link = 'javascript:alert(1)';
    const authorization = await issued({ ...ANSWER, verification_uri_complete: link });
    expect(authorization.verificationUriComplete).toBeNull();
    const { result } = await ask({ ...ANSWER, verification_uri: link });
    expect(result).toMatchObject({ kind: 'failed', failure: { code: 'malformed_response' } });
  });

  it.each<[number, unknown, string]>([
    [400, { error: 'invalid_scope', error_description: 'CANARY' }, 'invalid_scope'],
    [401, { error: 'invalid_client' }, 'invalid_client'],
    [404, '<html>CANARY', 'other'],
    [503, '', 'server_error'],
    [200, { ...ANSWER, device_code: '' }, 'malformed_response'],
    [200, { ...ANSWER, user_code: undefined }, 'malformed_response'],
    [200, { error: 'unauthorized_client' }, 'unauthorized_client'],
    [200, 'CANARY', 'malformed_response'],
  ])('that is answered %i %j fails with %s', async (status, answer, code) => {
    const { result } = await ask(answer, status);
    expect(result).toMatchObject({ kind: 'failed', failure: { code } });
    expect(inspect(result, { depth: 9 })).not.toContain('CANARY');
  });

  it('takes no parameter that is the protocol’s own', async () => {
    const attempt = ask(ANSWER, 200, { parameters: { device_code: 'x' } });
    await expect(attempt).rejects.toMatchObject({ code: 'protocol_parameter' });
  });
});

describe('polling with a device code (RFC 8628 §3.5)', () => {
  let server: ScriptedAuthorizationServer;
  beforeAll(async () => {
    server = await startScriptedAuthorizationServer();
  });
  afterAll(() => server.stop());

  const DEVICE_CODE = 'CANARY-device-code';
  function poll() {
    const grant = {
      grantType: 'device_code' as const,
      deviceCode: new Secret(DEVICE_CODE),
      parameters: {},
    };
    const { tokenEndpoint } = server;
    const prepared = prepareTokenRequest({ tokenEndpoint, client: CLIENT, grant }, loopback);
    return sendTokenRequest(prepared, SEND);
  }

  it('sends the code under the name of the grant type on the wire', async () => {
    server.script = [issue('access-1', { refresh_token: 'refresh-1' })];
    expect(responseOf(await poll()).accessToken?.reveal()).toBe('access-1');
    expect(server.received.at(-1)?.parameters).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: DEVICE_CODE,
      client_id: 'client_id_123',
      client_secret: CLIENT_SECRET,
    });
  });

  it.each([
    ['authorization_pending', 'rejected_for_now'],
    ['slow_down', 'rejected_for_now'],
    ['access_denied', 'rejected'],
    ['expired_token', 'rejected'],
  ])('tells %s apart from a dead grant', async (code, certainty) => {
    server.script = [refuse(code)];
    expect(failureOf(await poll())).toMatchObject({ code, certainty });
  });
});
