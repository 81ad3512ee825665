import { inspect } from 'node:util';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { prepareTokenRequest, sendTokenRequest } from '../../src/oauth/index.js';
import { Secret } from '../../src/secret.js';
import { failureOf, loopback, responseOf, sendRefresh } from './requests.js';
import { startServer } from './servers.js';

const TOKENS = { access_token: 'CANARY-at', refresh_token: 'CANARY-rt', token_type: 'Bearer' };

interface Scripted {
  readonly status?: number;
  readonly type?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

async function answered(script: Scripted): ReturnType<typeof sendRefresh> {
  const { status = 200, type = 'application/json', headers = {}, body = '' } = script;
  const server = await startServer((_request, response) => {
    response.writeHead(status, { 'content-type': type, ...headers }).end(body);
  });
  return sendRefresh(`${server.origin}/token`);
}

describe('a token request on the wire', () => {
  it('is a form POST that asks for JSON (RFC 6749 §3.2)', async () => {
    const server = await startServer((_request, response) => response.end(JSON.stringify(TOKENS)));
    await sendRefresh(`${server.origin}/oauth/token?tenant=a`);
    const [request] = server.received;
    expect(request).toMatchObject({ method: 'POST', url: '/oauth/token?tenant=a' });
    expect(request?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      connection: 'close',
    });
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'CANARY-old-refresh-token',
      client_id: 'client_id_123',
      client_secret: 'CANARY-client-secret',
    });
  });

  it('authenticates in the header with client_secret_basic', async () => {
    const server = await startServer((_request, response) => response.end(JSON.stringify(TOKENS)));
    const prepared = prepareTokenRequest(
      {
        tokenEndpoint: `${server.origin}/token`,
        client: {
          clientId: 'a b:c',
          authentication: 'client_secret_basic',
          clientSecret: new Secret('s%:ü'),
        },
        grant: { grantType: 'client_credentials', scope: 'read', parameters: {} },
      },
      loopback,
    );
    await sendTokenRequest(prepared, { timeoutMs: 2_000, network: loopback });
    const [request] = server.received;
    const basic = Buffer.from('a+b%3Ac:s%25%3A%C3%BC').toString('base64');
    expect(request?.headers.authorization).toBe(`Basic ${basic}`);
    expect(request?.body).toBe('grant_type=client_credentials&scope=read');
  });
});

describe('an answer that is accepted', () => {
  it.each<[string, Scripted]>([
    ['a 200', { body: JSON.stringify(TOKENS) }],
    ['a 201', { status: 201, body: JSON.stringify(TOKENS) }],
    ['JSON that is called text', { type: 'text/plain', body: JSON.stringify(TOKENS) }],
    ['JSON that is called HTML', { type: 'text/html', body: `\ufeff ${JSON.stringify(TOKENS)}\n` }],
    [
      'a form',
      {
        type: 'application/x-www-form-urlencoded',
        headers: { 'content-length': '65' },
        body: 'access_token=CANARY-at&refresh_token=CANARY-rt&token_type=bearer\n',
      },
    ],
    ['gzip', { headers: { 'content-encoding': 'gzip' }, body: gzipSync(JSON.stringify(TOKENS)) }],
    [
      'brotli',
      { headers: { 'content-encoding': 'br' }, body: brotliCompressSync(JSON.stringify(TOKENS)) },
    ],
    [
      'deflate',
      { headers: { 'content-encoding': 'deflate' }, body: deflateSync(JSON.stringify(TOKENS)) },
    ],
    [
      'deflate without header',
      { headers: { 'content-encoding': 'deflate' }, body: deflateRawSync(JSON.stringify(TOKENS)) },
    ],
  ])('is %s', async (_name, script) => {
    const response = responseOf(await answered(script));
    expect(response).toMatchObject({ problem: null, tokenType: 'Bearer', notes: [] });
    expect(response.accessToken?.reveal()).toBe('CANARY-at');
    expect(response.refreshToken?.reveal()).toBe('CANARY-rt');
  });

  it('tells the time since the request was sent', async () => {
    const server = await startServer((_request, response) => {
      setTimeout(() => response.end(JSON.stringify(TOKENS)), 60);
    });
    const { elapsedMs } = responseOf(await sendRefresh(`${server.origin}/token`));
    expect(elapsedMs).toBeGreaterThanOrEqual(55);
    expect(elapsedMs).toBeLessThan(1_000);
  });

  it('keeps a token of 64 kB', async () => {
    const large = 'a'.repeat(64 * 1024);
    const response = responseOf(
      await answered({ body: JSON.stringify({ access_token: large, refresh_token: large }) }),
    );
    expect(response.problem).toBeNull();
    expect(response.refreshToken?.reveal()).toHaveLength(large.length);
  });
});

const oauthError = (error: unknown, more = {}): string => JSON.stringify({ error, ...more });

describe('an answer that says no', () => {
  it.each<[number, string, string, string]>([
    [400, oauthError('invalid_grant'), 'invalid_grant', 'rejected'],
    [401, oauthError('invalid_client'), 'invalid_client', 'rejected'],
    [400, oauthError('invalid_scope'), 'invalid_scope', 'rejected'],
    [400, oauthError('invalid_target'), 'invalid_target', 'rejected'],
    [400, oauthError('use_dpop_nonce'), 'use_dpop_nonce', 'rejected'],
    [403, oauthError('unauthorized_client'), 'unauthorized_client', 'rejected'],
    [400, 'error=invalid_request', 'invalid_request', 'rejected'],
    [400, oauthError('BAD_REFRESH_TOKEN'), 'other', 'rejected'],
    [400, oauthError({ code: 1 }), 'other', 'rejected'],
    [400, oauthError('__proto__'), 'other', 'rejected'],
    [400, '<html>invalid_grant</html>', 'other', 'rejected'],
    [401, '', 'other', 'rejected'],
    [403, '', 'other', 'rejected'],
    [404, 'Not found', 'other', 'rejected'],
    [405, '', 'other', 'rejected'],
    [304, '', 'other', 'rejected'],
    [400, oauthError('temporarily_unavailable'), 'server_error', 'rejected_for_now'],
    [400, oauthError('server_error'), 'server_error', 'rejected_for_now'],
    [400, oauthError('slow_down'), 'slow_down', 'rejected_for_now'],
    [408, '', 'server_error', 'unknown'],
    [425, '', 'server_error', 'rejected_for_now'],
    [429, oauthError('invalid_client'), 'rate_limited', 'rejected_for_now'],
    [500, '', 'server_error', 'unknown'],
    [500, oauthError('invalid_grant'), 'server_error', 'unknown'],
    [502, '<html>', 'server_error', 'unknown'],
    [503, '<html>', 'server_error', 'unknown'],
    [504, '', 'server_error', 'unknown'],
    [200, oauthError('invalid_grant'), 'invalid_grant', 'rejected'],
    [200, oauthError('bad_verification_code'), 'other', 'rejected'],
    [200, oauthError('temporarily_unavailable'), 'server_error', 'rejected_for_now'],
    [200, '', 'malformed_response', 'unknown'],
    [204, '', 'malformed_response', 'unknown'],
    [200, '{}', 'malformed_response', 'unknown'],
    [200, 'null', 'malformed_response', 'unknown'],
    [200, '[]', 'malformed_response', 'unknown'],
    [200, '"text"', 'malformed_response', 'unknown'],
    [200, '<html>login</html>', 'malformed_response', 'unknown'],
    [200, '['.repeat(500_000), 'malformed_response', 'unknown'],
    [200, '{"a":'.repeat(200_000), 'malformed_response', 'unknown'],
  ])('is with %i and %.40s the failure %s, %s', async (status, body, code, certainty) => {
    expect(failureOf(await answered({ status, body }))).toMatchObject({
      code,
      certainty,
      httpStatus: status,
      mayStillRun: status === 504,
      retryAfterMs: null,
    });
  });

  it('repeats nothing that the server wrote, which may echo a token', async () => {
    const server = await startServer((request, response) => {
      const error = Number(request.url.slice(1)) === 1 ? 'invalid_grant' : request.body;
      const header = { 'www-authenticate': `Bearer error="CANARY", error_description="CANARY"` };
      response.writeHead(400, 'CANARY', header).end(oauthError(error, { error_uri: request.body }));
    });
    for (const path of ['1', '2']) {
      const result = await sendRefresh(`${server.origin}/${path}`);
      expect(inspect(result, { depth: 9, showHidden: true })).not.toContain('CANARY');
      expect(failureOf(result).code).toBe(path === '1' ? 'invalid_grant' : 'other');
    }
  });

  it('is read from the challenge where the body does not say it (RFC 6750 §3)', async () => {
    const headers = { 'www-authenticate': 'Bearer realm="x", error="invalid_token"' };
    expect(failureOf(await answered({ status: 401, headers }))).toMatchObject({
      code: 'invalid_token',
    });
  });

  it('is refused for now when a cut 400 does not show its code', async () => {
    const server = await startServer((_request, response) => {
      response.writeHead(400, { 'content-length': '100' });
      response.write('{"error":"inv', () => response.destroy());
    });
    expect(failureOf(await sendRefresh(`${server.origin}/token`))).toMatchObject({
      code: 'malformed_response',
      certainty: 'rejected',
    });
  });
});

describe('Retry-After', () => {
  it.each<[number, string, string]>([
    [429, 'rate_limited', 'rejected_for_now'],
    [503, 'server_error', 'rejected_for_now'],
    [500, 'server_error', 'unknown'],
    [400, 'other', 'rejected'],
  ])('is told in seconds with a %i', async (status, code, certainty) => {
    const failure = failureOf(await answered({ status, headers: { 'retry-after': '120' } }));
    expect(failure).toMatchObject({ code, certainty, retryAfterMs: 120_000 });
  });

  it("goes by the server's clock as a date (RFC 9110 §10.2.3)", async () => {
    const failure = failureOf(
      await answered({
        status: 503,
        headers: {
          date: 'Tue, 01 Jan 2030 00:00:00 GMT',
          'retry-after': 'Tue, 01 Jan 2030 00:02:00 GMT',
        },
      }),
    );
    expect(failure).toMatchObject({ certainty: 'rejected_for_now', retryAfterMs: 120_000 });
  });

  it('that cannot be read is none', async () => {
    const failure = failureOf(await answered({ status: 503, headers: { 'retry-after': 'soon' } }));
    expect(failure).toMatchObject({ certainty: 'unknown', retryAfterMs: null });
  });
});
