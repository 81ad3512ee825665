import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  issue,
  refuse,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';

let server: ScriptedAuthorizationServer;
beforeEach(async () => {
  server = await startScriptedAuthorizationServer();
});
afterEach(() => server.stop());

const post = (url: string, form: Record<string, string>) =>
  fetch(url, { method: 'POST', body: new URLSearchParams(form) });
const request = (form: Record<string, string> = { grant_type: 'client_credentials' }) =>
  post(server.tokenEndpoint, form);

describe('a scripted authorization server', () => {
  it('issues tokens as long as nothing else is said (RFC 6749 §5.1)', async () => {
    const response = await request();
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({
      ...{ access_token: 'scripted-access-1', token_type: 'Bearer', expires_in: 60 },
    });
    expect(server.grantTypes()).toEqual(['client_credentials']);
  });

  it('follows its script, then goes on as otherwise', async () => {
    server.script = [
      refuse('invalid_client', 401),
      ({ parameters }) => issue(`for-${parameters['client_id']}`),
      { status: 503, headers: { 'retry-after': '7' }, body: 'busy' },
    ];
    server.otherwise = refuse('invalid_grant');
    expect((await request()).status).toBe(401);
    expect(await (await request({ client_id: 'me' })).json()).toMatchObject({
      access_token: 'for-me',
    });
    const busy = await request();
    expect([busy.status, busy.headers.get('retry-after'), await busy.text()]).toEqual([
      503,
      '7',
      'busy',
    ]);
    expect(await (await request()).json()).toEqual({ error: 'invalid_grant' });
    expect(server.received).toHaveLength(4);
  });

  it('answers late, byte by byte and twice on command', async () => {
    const answer = { status: 200, body: { access_token: 'slow', token_type: 'Bearer' } };
    server.script = [
      { ...answer, delayMs: 200 },
      { ...answer, byteEveryMs: 5 },
      { ...answer, doubled: true },
    ];
    const took = async (): Promise<number> => {
      const startedAt = performance.now();
      expect(await (await request()).json()).toEqual(answer.body);
      return performance.now() - startedAt;
    };
    expect(await took()).toBeGreaterThan(190);
    expect(await took()).toBeGreaterThan(200);
    await took();
    const raw = connect(Number(new URL(server.origin).port), '127.0.0.1');
    server.script = [{ ...answer, doubled: true }];
    raw.write('POST /token HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n');
    expect((await text(raw)).match(/"access_token":"slow"/g)).toHaveLength(2);
  });

  it('resets, cuts off and hangs on command', async () => {
    server.script = [
      'reset',
      { ...(issue('cut') as object), status: 200, cutAfterBytes: 9 },
      'hang',
    ];
    await expect(request()).rejects.toThrow();
    await expect(request().then((response) => response.text())).rejects.toThrow();
    const signal = AbortSignal.timeout(100);
    await expect(fetch(server.tokenEndpoint, { method: 'POST', signal })).rejects.toThrow();
  });

  it('lets a reply be written by hand', async () => {
    server.otherwise = (_request, response) => {
      response.writeHead(307, { location: 'https://evil.example' }).end();
      return undefined;
    };
    const init = { method: 'POST', redirect: 'manual' } as const;
    expect((await fetch(server.tokenEndpoint, init)).status).toBe(307);
  });

  it('keeps a ledger of tokens issued, presented and revoked (RFC 7009)', async () => {
    const { ledger } = server;
    server.otherwise = () => issue('access-1', { refresh_token: 'refresh-1', expires_in: 60 });
    await request({ grant_type: 'refresh_token', refresh_token: 'refresh-0' });
    server.otherwise = () => issue('access-2', { expires_in: 0 });
    await request({ grant_type: 'refresh_token', refresh_token: 'refresh-1' });
    expect(ledger.accessTokens).toEqual(['access-1', 'access-2']);
    expect(ledger.refreshTokens).toEqual(['refresh-1']);
    expect(ledger.presented).toEqual(['refresh-0', 'refresh-1']);
    expect(ledger.isActive('access-1')).toBe(true);
    expect(ledger.isActive('access-2')).toBe(false);
    expect(ledger.isActive('unknown')).toBe(false);
    await post(server.revocationEndpoint, { token: 'access-1' });
    expect(ledger.revoked).toEqual(['access-1']);
    expect(ledger.isActive('access-1')).toBe(false);
    expect(ledger.secrets()).toEqual(['access-1', 'access-2', 'refresh-1', 'refresh-0']);
  });
});
