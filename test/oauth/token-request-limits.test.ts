import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { failureOf, responseOf, sendRefresh } from './requests.js';
import { startRawServer, startServer } from './servers.js';

const TOKENS = { access_token: 'CANARY-at', refresh_token: 'CANARY-rt', token_type: 'Bearer' };

describe('a body that is too large', () => {
  it.each(['plain', 'gzip'])('is malformed after 1 MiB (%s)', async (coding) => {
    const server = await startServer((_request, response) => {
      const body = Buffer.from(JSON.stringify({ filler: 'x'.repeat(2 * 1024 * 1024), ...TOKENS }));
      if (coding === 'gzip') response.setHeader('content-encoding', 'gzip');
      response.end(coding === 'gzip' ? gzipSync(body) : body);
    });
    expect(failureOf(await sendRefresh(`${server.origin}/token`))).toMatchObject({
      code: 'malformed_response',
      certainty: 'unknown',
      mayStillRun: false,
    });
  });

  it('is not read on after 1 MiB', async () => {
    const server = await startServer((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const timer = setInterval(() => response.write(chunk), 1);
      response.on('close', () => clearInterval(timer));
    });
    expect(failureOf(await sendRefresh(`${server.origin}/token`, 5_000))).toMatchObject({
      code: 'malformed_response',
      mayStillRun: false,
    });
  });

  it('survives a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
    const server = await startServer((_request, response) => {
      response.setHeader('content-encoding', 'gzip').end(bomb);
    });
    const before = process.memoryUsage().rss;
    expect(failureOf(await sendRefresh(`${server.origin}/token`))).toMatchObject({
      code: 'malformed_response',
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('keeps the refresh token in front of what is too much', async () => {
    const server = await startServer((_request, response) => {
      response.end(JSON.stringify({ ...TOKENS, filler: 'x'.repeat(2 * 1024 * 1024) }));
    });
    const response = responseOf(await sendRefresh(`${server.origin}/token`));
    expect(response.problem).toBe('unreadable');
    expect(response.refreshToken?.reveal()).toBe('CANARY-rt');
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])(
    'is a refusal, and nothing goes to the other server (%i, RFC 9700 §4.12)',
    async (status) => {
      const other = await startServer((_request, response) => response.end('{}'));
      const server = await startServer((_request, response) => {
        response.writeHead(status, { location: `${other.origin}/token` }).end();
      });
      expect(failureOf(await sendRefresh(`${server.origin}/token`))).toMatchObject({
        code: 'other',
        certainty: 'rejected',
        httpStatus: status,
      });
      await sleep(20);
      expect(other.connections()).toBe(0);
      expect(server.received).toHaveLength(1);
    },
  );
});

describe('a token request', () => {
  it('uses a fresh connection each time and is not sent twice', async () => {
    const server = await startServer((_request, response) => response.end(JSON.stringify(TOKENS)));
    await sendRefresh(`${server.origin}/token`);
    await sendRefresh(`${server.origin}/token`);
    expect(server.received).toHaveLength(2);
    expect(server.connections()).toBe(2);
  });

  it('skips early hints before the answer', async () => {
    const body = JSON.stringify(TOKENS);
    const server = await startRawServer((socket) => {
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`;
      socket.end(`HTTP/1.1 103 Early Hints\r\n\r\n${head}${body}`);
    });
    expect(responseOf(await sendRefresh(`${server.origin}/token`)).problem).toBeNull();
  });
});
