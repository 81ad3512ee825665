import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import {
  createNetwork,
  NetworkPolicyError,
  networkPolicyErrorOf,
  type Network,
  type NetworkMode,
} from '../src/network.js';
import { classifyAddress } from '../src/network/addresses.js';
import type { Resolve } from '../src/network/connect.js';
import { startServer } from './oauth/servers.js';

const run = promisify(execFile);

function resolvesTo(...addresses: string[]): Resolve {
  return (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address): LookupAddress => {
        return { address, family: address.includes(':') ? 6 : 4 };
      }),
    );
}

async function fetchError(network: Network, url: string): Promise<unknown> {
  try {
    await fetch(url, { dispatcher: network.dispatcher } as unknown as RequestInit);
  } catch (error) {
    return error;
  } finally {
    await network.close();
  }
  throw new Error('The call went through.');
}

const PUBLIC = ['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '100.128.0.1', '172.32.0.1'];
const PRIVATE = [
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  'fd12::1',
];
const LOOPBACK = ['127.0.0.1', '127.255.255.254', '::1'];
const NEVER = [
  '0.0.0.0',
  '0.1.2.3',
  '169.254.169.254',
  '169.254.0.1',
  '192.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '100.100.100.200',
  '168.63.129.16',
  '::',
  '::7f00:1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::808:808',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '3fff::1',
  '5f00::1',
  'fd00:ec2::254',
  'fd20:ce::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  'not an address',
];

describe('an address', () => {
  it.each([
    ...PUBLIC.map((address) => [address, 'public']),
    ...PRIVATE.map((address) => [address, 'private']),
    ...LOOPBACK.map((address) => [address, 'loopback']),
    ...NEVER.map((address) => [address, 'never']),
  ])('%s is %s', (address, kind) => {
    expect(classifyAddress(address)).toBe(kind);
  });
});

describe('a URL', () => {
  it.each<[string, NetworkMode[]]>([
    ['https://auth.example', ['public', 'private', 'loopback']],
    ['https://8.8.8.8', ['public', 'private', 'loopback']],
    ['https://10.1.2.3:8443', ['private', 'loopback']],
    ['https://[fd12::1]', ['private', 'loopback']],
    ['https://127.0.0.1', ['loopback']],
    ['https://[::1]', ['loopback']],
    ['https://2130706433', ['loopback']],
    ['https://0x7f.1', ['loopback']],
    ['https://0177.0.0.1', ['loopback']],
    ['https://127.1', ['loopback']],
    ['http://127.0.0.1:3000', ['loopback']],
    ['http://localhost:3000', ['loopback']],
    ['http://LOCALHOST.:3000', ['loopback']],
    ['http://auth.localhost', ['loopback']],
    ['http://[::1]:3000', ['loopback']],
    ['http://10.1.2.3', []],
    ['http://auth.example', []],
    ['http://localhost.auth.example', []],
    ['https://169.254.169.254', []],
    ['https://[::ffff:127.0.0.1]', []],
    ['https://[::ffff:a9fe:a9fe]', []],
    ['https://[fe80::1]', []],
    ['https://0.0.0.0', []],
    ['https://0', []],
    ['https://user@auth.example', []],
    ['https://:secret@auth.example', []],
    ['ftp://auth.example', []],
    ['file:///etc/passwd', []],
    ['data:text/plain,x', []],
  ])('%s is allowed under %j', (text, modes) => {
    const allowed = (['public', 'private', 'loopback'] as const).filter((mode) => {
      try {
        createNetwork({ mode }).assertUrlAllowed(new URL(text));
        return true;
      } catch (error) {
        expect(error).toBeInstanceOf(NetworkPolicyError);
        return false;
      }
    });
    expect(allowed).toEqual(modes);
  });

  it('is named by its host only when it is refused', () => {
    const url = new URL('https://CANARY:CANARY@10.0.0.1/CANARY?CANARY#CANARY');
    const network = createNetwork({ mode: 'public' });
    expect(() => network.assertUrlAllowed(url)).toThrow(/^The host 10\.0\.0\.1 may not be reached/);
    url.username = url.password = '';
    expect(() => network.assertUrlAllowed(url)).toThrow(
      expect.objectContaining({
        code: 'network_not_allowed',
        host: '10.0.0.1',
        message: expect.not.stringContaining('CANARY') as string,
      }),
    );
  });
});

describe("the dispatcher under Node's own fetch", () => {
  it('serves calls and keeps the connection alive', async () => {
    const server = await startServer((request, response) => response.end(request.body));
    const network = createNetwork({ mode: 'loopback' });
    const init = { method: 'POST', dispatcher: network.dispatcher };
    for (const body of ['one', 'two', 'three', 'four', 'five', 'six']) {
      const response = await fetch(server.origin, { ...init, body } as unknown as RequestInit);
      expect(await response.text()).toBe(body);
    }
    expect(server.connections()).toBeLessThanOrEqual(2);
    await network.close();
  });

  it('refuses a name that resolves only to addresses that are not allowed', async () => {
    const network = createNetwork({ mode: 'public', resolve: resolvesTo('127.0.0.1', 'fd12::1') });
    const error = await fetchError(network, 'https://rebind.example/CANARY');
    expect(error).toBeInstanceOf(TypeError);
    expect(networkPolicyErrorOf(error)).toMatchObject({
      host: 'rebind.example',
      message: expect.stringContaining('resolves to nothing but addresses') as string,
    });
  });

  it('connects only to the allowed ones of several addresses', async () => {
    const server = await startServer((_request, response) => response.end());
    const network = createNetwork({
      mode: 'loopback',
      resolve: resolvesTo('169.254.169.254', '10.255.255.1', '127.0.0.1'),
    });
    const startedAt = performance.now();
    // Plain http is for loopback only, so 127.0.0.1 is the only one left and is tried first.
    const url = `http://localhost:${server.port}`;
    await fetch(url, { dispatcher: network.dispatcher } as unknown as RequestInit);
    expect(performance.now() - startedAt).toBeLessThan(200);
    await network.close();
  });

  it('speaks plain http to loopback addresses only, whatever localhost resolves to', async () => {
    const network = createNetwork({ mode: 'loopback', resolve: resolvesTo('10.0.0.1', '8.8.8.8') });
    const error = await fetchError(network, 'http://localhost:8081');
    expect(networkPolicyErrorOf(error)).toBeInstanceOf(NetworkPolicyError);
  });

  it.each(['https://127.0.0.1', 'https://localhost', 'http://8.8.8.8', 'https://[::1]'])(
    'holds the policy by itself for %s',
    async (url) => {
      const error = await fetchError(createNetwork({ mode: 'public' }), url);
      expect(networkPolicyErrorOf(error)).toBeInstanceOf(NetworkPolicyError);
    },
  );

  it('is made at first use', async () => {
    const network = createNetwork({ mode: 'public' });
    await network.close();
    expect(network.dispatcher).toBe(network.dispatcher);
    await network.close();
  });

  it("leaves an application's own fetch alone", async () => {
    const script = `
      const key = Symbol.for('undici.globalDispatcher.1');
      await import(${JSON.stringify(new URL('../src/network.ts', import.meta.url).href)});
      const own = globalThis[key];
      const { Agent } = await import('undici');
      console.log(own !== undefined && !(own instanceof Agent));
    `;
    const arguments_ = ['--import', 'tsx', '--input-type=module', '-e', script];
    const { stdout } = await run(process.execPath, arguments_);
    expect(stdout.trim()).toBe('true');
  });
});

describe('networkPolicyErrorOf', () => {
  it('finds the refusal in a chain of causes and in an aggregate', () => {
    const refusal = new NetworkPolicyError('host', 'of a test');
    const aggregate = new AggregateError([new Error('other'), refusal]);
    expect(networkPolicyErrorOf(new TypeError('fetch failed', { cause: aggregate }))).toBe(refusal);
    expect(networkPolicyErrorOf(new TypeError('fetch failed'))).toBeUndefined();
    expect(networkPolicyErrorOf('text')).toBeUndefined();
    const circular = new Error('circular');
    circular.cause = circular;
    expect(networkPolicyErrorOf(circular)).toBeUndefined();
  });
});

describe('closing', () => {
  it('may be asked for more than once, used or not', async () => {
    const unused = createNetwork({ mode: 'public' });
    await unused.close();
    await unused.close();
    const used = createNetwork({ mode: 'loopback' });
    expect(used.dispatcher).toBeDefined();
    await Promise.all([used.close(), used.close()]);
    await used.close();
  });
});
