import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createNetwork } from '../../src/network.js';
import { failureOf, responseOf, sendRefresh } from './requests.js';
import { startRawServer, startServer, startTlsServer, unusedPort } from './servers.js';

const TOKENS = { access_token: 'CANARY-at', refresh_token: 'CANARY-rt', token_type: 'Bearer' };

function head(status: string, length: number | null, more = ''): string {
  const lengthLine = length === null ? '' : `content-length: ${length}\r\n`;
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${lengthLine}${more}\r\n`;
}

describe('a request that cannot have arrived', () => {
  it('was not sent when nobody listens', async () => {
    const port = await unusedPort();
    expect(failureOf(await sendRefresh(`http://127.0.0.1:${port}/token`))).toMatchObject({
      code: 'unreachable',
      certainty: 'not_sent',
      mayStillRun: false,
      httpStatus: null,
    });
  });

  it('was not sent when the name does not resolve', async () => {
    const network = createNetwork({
      mode: 'loopback',
      resolve: (_name, _options, callback) => {
        callback(Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' }), []);
      },
    });
    const result = await sendRefresh('https://auth.example/token', 2_000, network);
    expect(failureOf(result)).toMatchObject({ code: 'unreachable', certainty: 'not_sent' });
  });

  it('was not sent when the name resolves to an address that is not allowed', async () => {
    const network = createNetwork({
      mode: 'public',
      resolve: (_name, _options, callback) => callback(null, [{ address: '10.0.0.1', family: 4 }]),
    });
    const result = await sendRefresh('https://auth.example/token', 2_000, network);
    expect(failureOf(result)).toMatchObject({ code: 'network_not_allowed', certainty: 'not_sent' });
  });

  it('was not sent to a server whose certificate nobody vouches for', async () => {
    const server = await startTlsServer((_request, response) => response.end('{}'));
    expect(failureOf(await sendRefresh(`${server.origin}/token`))).toMatchObject({
      code: 'unreachable',
      certainty: 'not_sent',
    });
    expect(server.received).toEqual([]);
  });

  it('was not sent when the time is over before the connection is there', async () => {
    const network = createNetwork({
      mode: 'loopback',
      resolve: (_name, _options, callback) => {
        setTimeout(() => callback(null, [{ address: '127.0.0.1', family: 4 }]), 300);
      },
    });
    const server = await startServer((_request, response) => response.end('{}'));
    const result = await sendRefresh(`http://localhost:${server.port}/token`, 100, network);
    expect(failureOf(result)).toMatchObject({
      code: 'unreachable',
      certainty: 'not_sent',
      mayStillRun: false,
    });
    await sleep(500);
    expect(server.received).toEqual([]);
  });

  it('was not sent to a server that accepts the connection and says nothing in TLS', async () => {
    const server = await startRawServer(() => undefined);
    const result = await sendRefresh(`https://127.0.0.1:${server.port}/token`, 200);
    expect(failureOf(result)).toMatchObject({ code: 'unreachable', certainty: 'not_sent' });
  });
});

describe('a request whose outcome is unknown', () => {
  const unknown = { code: 'unreachable', certainty: 'unknown', mayStillRun: false };

  it('is unknown when the connection is reset before the headers', async () => {
    const server = await startRawServer((socket) => socket.resetAndDestroy());
    expect(failureOf(await sendRefresh(`${server.origin}/token`))).toMatchObject(unknown);
    expect(server.received).toHaveLength(1);
  });

  it('is unknown when the connection ends before the headers', async () => {
    const server = await startRawServer((socket) => socket.end());
    expect(failureOf(await sendRefresh(`${server.origin}/token`))).toMatchObject(unknown);
    expect(server.received).toHaveLength(1);
  });

  it('is unknown, and may still run, when the own time is over after sending', async () => {
    const server = await startServer(() => undefined);
    const startedAt = performance.now();
    expect(failureOf(await sendRefresh(`${server.origin}/token`, 150))).toMatchObject({
      ...unknown,
      mayStillRun: true,
    });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('tells the sent from the unsent among requests that run at the same time', async () => {
    const port = await unusedPort();
    const server = await startRawServer((socket) => socket.resetAndDestroy());
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        sendRefresh(index % 2 === 0 ? `${server.origin}/token` : `http://127.0.0.1:${port}/token`),
      ),
    );
    const certainties = results.map((result) => failureOf(result).certainty);
    expect(certainties).toEqual(certainties.map((_, i) => (i % 2 === 0 ? 'unknown' : 'not_sent')));
  });

  it('is unknown when the connection is reset after early hints', async () => {
    const server = await startRawServer((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\n\r\n');
      setTimeout(() => socket.resetAndDestroy(), 30);
    });
    expect(failureOf(await sendRefresh(`${server.origin}/token`))).toMatchObject({
      ...unknown,
      httpStatus: null,
    });
  });

  it('is malformed when the answer is no HTTP', async () => {
    const server = await startRawServer((socket) => socket.end('220 mail.example ESMTP\r\n'));
    expect(failureOf(await sendRefresh(`${server.origin}/token`))).toMatchObject({
      code: 'malformed_response',
      certainty: 'unknown',
    });
  });
});

describe('a 200 whose body is cut', () => {
  const body = JSON.stringify(TOKENS);
  const beforeQuote = body.indexOf('CANARY-rt') + 'CANARY-r'.length;

  it.each([
    ['reset', 'malformed_response', false],
    ['end', 'malformed_response', false],
    ['stall', 'unreachable', true],
  ] as const)('keeps no half refresh token (%s)', async (how, code, mayStillRun) => {
    const server = await startRawServer((socket) => {
      socket.write(head('200 OK', body.length) + body.slice(0, beforeQuote), () => {
        if (how === 'reset') setTimeout(() => socket.resetAndDestroy(), 30);
        if (how === 'end') socket.end();
      });
    });
    expect(failureOf(await sendRefresh(`${server.origin}/token`, 300))).toMatchObject({
      code,
      certainty: 'unknown',
      mayStillRun,
      httpStatus: 200,
    });
  });

  it.each(['reset', 'end', 'stall'])('keeps a refresh token that is whole (%s)', async (how) => {
    const whole = body.slice(0, body.indexOf('CANARY-rt') + 'CANARY-rt"'.length);
    const server = await startRawServer((socket) => {
      socket.write(head('200 OK', body.length) + whole, () => {
        if (how === 'reset') setTimeout(() => socket.resetAndDestroy(), 30);
        if (how === 'end') socket.end();
      });
    });
    const response = responseOf(await sendRefresh(`${server.origin}/token`, 300));
    expect(response.problem).toBe('unreadable');
    expect(response.refreshToken?.reveal()).toBe('CANARY-rt');
    expect(response.accessToken).toBeNull();
  });

  it('keeps a refresh token that is whole when compressed content is cut', async () => {
    const server = await startServer((_request, response) => {
      const compressed = gzipSync(
        JSON.stringify({ refresh_token: 'CANARY-rt', access_token: 'a' }),
      );
      response.setHeader('content-encoding', 'gzip');
      response.setHeader('content-length', compressed.length);
      response.write(compressed.subarray(0, -12), () => response.destroy());
    });
    const response = responseOf(await sendRefresh(`${server.origin}/token`));
    expect(response).toMatchObject({ problem: 'unreadable', accessToken: null });
    expect(response.refreshToken?.reveal()).toBe('CANARY-rt');
  });

  it('uses an object that closed before the connection broke', async () => {
    const server = await startRawServer((socket) => {
      socket.end(head('200 OK', body.length + 10) + body);
    });
    const response = responseOf(await sendRefresh(`${server.origin}/token`));
    expect(response).toMatchObject({ problem: null, notes: ['body_incomplete'] });
    expect(response.accessToken?.reveal()).toBe('CANARY-at');
  });

  it('takes a form that may have been cut for cut', async () => {
    const server = await startRawServer((socket) => {
      socket.end(`${head('200 OK', null)}refresh_token=CANARY-rt&access_token=CANARY-a`);
    });
    const response = responseOf(await sendRefresh(`${server.origin}/token`));
    expect(response.problem).toBe('unreadable');
    expect(response.accessToken).toBeNull();
    expect(response.refreshToken?.reveal()).toBe('CANARY-rt');
  });

  it('cuts a body that comes byte by byte at the time limit', async () => {
    const server = await startServer((_request, response) => {
      response.writeHead(200);
      let index = 0;
      const timer = setInterval(() => response.write(body.charAt(index++) || ' '), 20);
      response.on('close', () => clearInterval(timer));
    });
    const startedAt = performance.now();
    expect(failureOf(await sendRefresh(`${server.origin}/token`, 300))).toMatchObject({
      code: 'unreachable',
      certainty: 'unknown',
      mayStillRun: true,
    });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });
});
