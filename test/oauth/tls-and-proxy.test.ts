import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createNetwork, type Network } from '../../src/network.js';
import type { Resolve } from '../../src/network/connect.js';
import { failureOf, responseOf, sendRefresh } from './requests.js';
import { selfSignedUntil } from './self-signed.js';
import { startProxy, startServer, startTlsServer, unusedPort } from './servers.js';

const run = promisify(execFile);

function network(proxy: string, ...addresses: string[]): Network {
  const resolve: Resolve = (_name, _options, callback) => {
    if (addresses.length > 0) {
      return callback(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );
    }
    return callback(Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' }), []);
  };
  return createNetwork({ mode: 'public', proxy, resolve });
}

describe('through a proxy', () => {
  const url = 'https://auth.example/token';

  it.each([[['10.0.0.1']], [['8.8.8.8', '10.0.0.1']]])(
    'nothing is sent, and the proxy not asked, when the name resolves to %j',
    async (addresses) => {
      const proxy = await startProxy('refuse');
      const result = await sendRefresh(url, 1_000, network(proxy.origin, ...addresses));
      expect(failureOf(result)).toMatchObject({
        code: 'network_not_allowed',
        certainty: 'not_sent',
      });
      expect(proxy.received).toEqual([]);
    },
  );

  it.each([
    ['a public address', ['8.8.8.8']],
    ['nothing here, which is left to the proxy', []],
  ])('a tunnel is asked for when the name resolves to %s', async (_name, addresses) => {
    const proxy = await startProxy('refuse');
    const result = await sendRefresh(url, 1_000, network(proxy.origin, ...addresses));
    expect(failureOf(result)).toMatchObject({ code: 'unreachable', certainty: 'not_sent' });
    expect(proxy.received.map((request) => request.url)).toEqual(['auth.example:443']);
  });

  it('nothing is sent, once, when the proxy closes the connection', async () => {
    const proxy = await startProxy('close');
    const startedAt = performance.now();
    const result = await sendRefresh(url, 2_000, network(proxy.origin, '8.8.8.8'));
    expect(failureOf(result)).toMatchObject({ code: 'unreachable', certainty: 'not_sent' });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(proxy.received).toHaveLength(1);
  });

  it('nothing is sent when nobody listens at the proxy', async () => {
    const proxy = `http://127.0.0.1:${await unusedPort()}`;
    const result = await sendRefresh(url, 2_000, network(proxy, '8.8.8.8'));
    expect(failureOf(result)).toMatchObject({ code: 'unreachable', certainty: 'not_sent' });
  });

  it('loopback is not reached, but directly', async () => {
    const proxy = await startProxy('refuse');
    const server = await startServer((_request, response) => response.end('{"access_token":"a"}'));
    const direct = createNetwork({ mode: 'loopback', proxy: proxy.origin });
    const response = responseOf(await sendRefresh(`${server.origin}/token`, 1_000, direct));
    expect(response.problem).toBeNull();
    expect(proxy.received).toEqual([]);
  });

  it.each(['CANARY', 'socks5://user:CANARY@proxy.example', ''])('%j is no proxy', (proxy) => {
    expect(() => createNetwork({ mode: 'public', proxy })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('CANARY') as string }),
    );
  });
});

describe('with a certificate that NODE_EXTRA_CA_CERTS vouches for', () => {
  it('answers are had directly and through a proxy, and only from the name in it', async () => {
    const server = await startTlsServer((_request, response) => {
      response.end('{"access_token":"a"}');
    });
    const proxy = await startProxy(server.port);
    const folder = await mkdtemp(join(tmpdir(), 'oauth-tokens-'));
    const file = join(folder, 'ca.pem');
    await writeFile(file, server.cert);
    const requests = new URL('./requests.ts', import.meta.url).href;
    const networks = new URL('../../src/network.ts', import.meta.url).href;
    const script = `
      const { sendRefresh } = await import(${JSON.stringify(requests)});
      const { createNetwork } = await import(${JSON.stringify(networks)});
      const resolve = (name, options, done) => done(null, [{ address: '8.8.8.8', family: 4 }]);
      const tunnel = createNetwork({ mode: 'public', proxy: '${proxy.origin}', resolve });
      const results = await Promise.all([
        sendRefresh('https://localhost:${server.port}/token'),
        sendRefresh('https://127.0.0.1:${server.port}/token'),
        sendRefresh('https://auth.example/token', 2000, tunnel),
        sendRefresh('https://other.example/token', 2000, tunnel),
      ]);
      const api = await fetch('https://auth.example/api', { dispatcher: tunnel.dispatcher });
      await tunnel.close();
      console.log(results.map((r) => r.failure?.certainty ?? r.response.problem).join(), api.status);
    `;
    const arguments_ = ['--import', 'tsx', '--input-type=module', '-e', script];
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: file };
    const { stdout } = await run(process.execPath, arguments_, { env });
    await rm(folder, { recursive: true });
    expect(stdout.trim()).toBe(',not_sent,,not_sent 200');
    expect(server.received.map(({ url }) => url)).toEqual(['/token', '/token', '/api']);
  });

  it('nothing is sent when it has expired', async () => {
    const expired = selfSignedUntil(Date.now() - 1_000, 'localhost');
    const server = await startTlsServer((_request, response) => response.end('{}'), expired);
    const folder = await mkdtemp(join(tmpdir(), 'oauth-tokens-'));
    const file = join(folder, 'ca.pem');
    await writeFile(file, server.cert);
    const requests = new URL('./requests.ts', import.meta.url).href;
    const script = `
      const { sendRefresh } = await import(${JSON.stringify(requests)});
      const result = await sendRefresh('https://localhost:${server.port}/token');
      console.log(result.failure?.certainty);
    `;
    const arguments_ = ['--import', 'tsx', '--input-type=module', '-e', script];
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: file };
    const { stdout } = await run(process.execPath, arguments_, { env });
    await rm(folder, { recursive: true });
    expect(stdout.trim()).toBe('not_sent');
    expect(server.received).toEqual([]);
  });

  it('NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch verification off', async () => {
    const server = await startTlsServer((_request, response) => response.end('{}'));
    const requests = new URL('./requests.ts', import.meta.url).href;
    const script = `
      const { sendRefresh } = await import(${JSON.stringify(requests)});
      const result = await sendRefresh('https://localhost:${server.port}/token');
      console.log(result.failure?.certainty);
    `;
    const arguments_ = ['--import', 'tsx', '--input-type=module', '-e', script];
    const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const { stdout } = await run(process.execPath, arguments_, { env });
    expect(stdout.trim()).toBe('not_sent');
    expect(server.received).toEqual([]);
  });
});
