/** Ways to reach what may not be reached; test/network.test.ts has the rules themselves. */
import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { createNetwork, NetworkPolicyError, networkPolicyErrorOf } from '../src/network.js';
import { createLookup, type Resolve } from '../src/network/connect.js';

const METADATA = '169.254.169.254';

/** URLs that the setting `public` must refuse before anything is resolved. */
const REFUSED = [
  // Instance metadata, in every notation that a URL parser takes for an IPv4 address.
  `http://${METADATA}/latest/meta-data/`,
  `https://${METADATA}`,
  'https://2852039166',
  'https://0xa9fea9fe',
  'https://0xA9.0xFE.0xA9.0xFE',
  'https://0251.0376.0251.0376',
  'https://025177524776',
  'https://169.0xfe.0251.254',
  'https://169.254.43518',
  'https://169.16689662',
  'https://169.254.169.254.',
  'https://%31%36%39.254.169.254',
  'https://１６９.２５４.１６９.２５４',
  'https://①⑥⑨.②⑤④.①⑥⑨.②⑤④',
  'https://169。254。169。254',
  'https:169.254.169.254',
  'https:\\\\169.254.169.254\\latest',
  'https:////169.254.169.254',
  ' https://169.254.169.254 ',
  'ht\ntps://169.254.\t169.254',
  // The same inside IPv6.
  'https://[::ffff:169.254.169.254]',
  'https://[::ffff:a9fe:a9fe]',
  'https://[::169.254.169.254]',
  'https://[::a9fe:a9fe]',
  'https://[64:ff9b::169.254.169.254]',
  'https://[64:ff9b:1::a9fe:a9fe]',
  'https://[2002:a9fe:a9fe::]',
  'https://[2001::a9fe:a9fe]',
  'https://[::ffff:0:a9fe:a9fe]',
  'https://[fd00:ec2::254]',
  'https://[FD00:0EC2:0:0:0:0:0:0254]',
  'https://[fd20:ce::254]',
  'https://[fe80::a9fe:a9fe]',
  // Other clouds.
  'https://100.100.100.200',
  'https://0x64646464',
  'https://168.63.129.16',
  'https://192.0.0.192',
  // Loopback and this host.
  'https://127.0.0.1',
  'https://127.1',
  'https://127.0.1',
  'https://0177.1',
  'https://0x7f000001',
  'https://2130706433',
  'https://017700000001',
  'https://127.127.127.127',
  'https://0.0.0.0',
  'https://0',
  'https://0x0',
  'https://[::]',
  'https://[::1]',
  'https://[0:0:0:0:0:0:0:1]',
  'https://[::7f00:1]',
  'https://[::ffff:7f00:1]',
  // Private ranges.
  'https://10.0.0.1',
  'https://0xa.1',
  'https://167772161',
  'https://172.16.0.1',
  'https://192.168.0.1:8443',
  'https://192.168.257',
  'https://100.64.0.1',
  'https://[fd12:3456::1]',
  'https://[fc00::1]',
  // No unicast address.
  'https://255.255.255.255',
  'https://224.0.0.1',
  'https://240.0.0.1',
  'https://[ff02::1]',
  'https://[fec0::1]',
  'https://198.18.0.1',
  'https://192.0.2.1',
  'https://[2001:db8::1]',
  // User names that look like hosts, and hosts behind them.
  'https://auth.example@169.254.169.254',
  'https://auth.example:443@10.0.0.1',
  'https://169.254.169.254@auth.example',
  'https://user:password@auth.example',
  'https://@:x@auth.example',
  'https://auth.example%40evil.example@127.0.0.1',
  // Other schemes, and plain http.
  'http://auth.example',
  'HTTP://AUTH.EXAMPLE',
  'http://localhost',
  'http://localhost.',
  'ws://auth.example',
  'wss://auth.example',
  'ftp://auth.example',
  'file:///etc/passwd',
  'file://auth.example/share',
  'gopher://127.0.0.1:6379/_x',
  'data:application/json,{}',
  'javascript:alert(1)',
  'blob:https://auth.example/x',
  'about:blank',
  'mongodb://127.0.0.1:27017',
  'unix:/var/run/docker.sock',
];

/** What no URL can be: nothing is even made of it. */
const NO_URLS = [
  ...['https://', 'https://[::1', 'https://[fe80::1%25eth0]', 'https://256.256.256.256'],
  ...[
    'https://0x100000000',
    'https://1.2.3.4.5',
    'https://auth example',
    'https://auth.example:99999',
  ],
  ...[
    'https://%00.example',
    'https://a\0.example',
    'https://exa%23mple',
    '//auth.example',
    'auth.example',
  ],
];

describe(`a hostile URL (${REFUSED.length + NO_URLS.length} of them)`, () => {
  const network = createNetwork({ mode: 'public' });

  it.each(REFUSED)('is refused under `public`: %j', (text) => {
    expect(() => network.assertUrlAllowed(new URL(text))).toThrow(NetworkPolicyError);
  });

  it.each(NO_URLS)('is none: %j', (text) => expect(URL.canParse(text)).toBe(false));

  it('that only seems to name another host is judged by the one that is connected to', () => {
    const { hostname } = new URL('https://auth.example\\@169.254.169.254/');
    expect(hostname).toBe('auth.example');
  });

  it('is many', () => expect(REFUSED.length).toBeGreaterThanOrEqual(60));
});

/** Names, which can only be judged by what they resolve to. */
const NAMES = [
  ...[
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    'localhost.localdomain',
    'ip6-localhost',
  ],
  ...['127.0.0.1.nip.io', '169.254.169.254.nip.io', 'localtest.me', 'metadata.google.internal'],
  ...[
    'kubernetes.default.svc',
    'xn--lcalhost-n4a',
    'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ',
    'spoofed.burpcollaborator.example',
  ],
  ...['auth.example.', 'a'.repeat(63), 'x--y.example', '0x7f.1.example', '_service.example'],
];
const NOT_PUBLIC = [
  ...['127.0.0.1', '10.0.0.1', METADATA, '::1', 'fe80::1', 'fd00:ec2::254', '::ffff:127.0.0.1'],
  ...['0.0.0.0', '::', '64:ff9b::7f00:1', '2002:7f00:1::', '100.100.100.200', 'not an address', ''],
];

const answers = (...addresses: string[]): LookupAddress[] =>
  addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

async function connecting(url: string, resolve: Resolve): Promise<unknown> {
  const network = createNetwork({ mode: 'public', resolve });
  const init = { dispatcher: network.dispatcher, signal: AbortSignal.timeout(2_000) };
  const thrown: unknown = await fetch(url, init as unknown as RequestInit).catch(
    (error: unknown) => error,
  );
  await network.close();
  return networkPolicyErrorOf(thrown);
}

describe('a name', () => {
  it.each(NAMES)(
    '%j is judged by its address: it is refused when that is loopback',
    async (name) => {
      const resolve: Resolve = (_name, _options, callback) => callback(null, answers('127.0.0.1'));
      expect(await connecting(`https://${name}/`, resolve)).toBeInstanceOf(NetworkPolicyError);
    },
  );

  it.each(NOT_PUBLIC)(
    'that resolves to %j, by whatever aliases, is not connected to',
    async (address) => {
      // An alias (CNAME) is followed by the resolver: what counts is the address at its end.
      const resolve: Resolve = (_name, _options, callback) => callback(null, answers(address));
      expect(await connecting('https://alias.example', resolve)).toBeInstanceOf(NetworkPolicyError);
    },
  );

  it('that resolves to nothing is not connected to', async () => {
    const resolve: Resolve = (_name, _options, callback) => callback(null, []);
    expect(await connecting('https://empty.example', resolve)).toBeInstanceOf(NetworkPolicyError);
  });

  it('is resolved once for a connection, so that a second answer cannot differ (rebinding)', async () => {
    let asked = 0;
    const resolve: Resolve = (_name, _options, callback) => {
      asked += 1;
      callback(null, answers(asked === 1 ? '203.0.113.7' : '127.0.0.1'));
    };
    expect(await connecting('https://rebind.example', resolve)).toBeInstanceOf(NetworkPolicyError);
    expect(asked).toBe(1);
  });

  it('with allowed and refused addresses gives the connection the allowed ones alone', () => {
    const resolve: Resolve = (_name, _options, callback) =>
      callback(null, answers(...NOT_PUBLIC, '8.8.8.8', '2606:4700:4700::1111'));
    const lookup = createLookup({ mode: 'public', resolve }, 'https:');
    lookup('mixed.example', { all: true }, (error, addresses) => {
      expect(error).toBeNull();
      expect(addresses).toEqual(answers('8.8.8.8', '2606:4700:4700::1111'));
    });
    lookup('mixed.example', {}, (_error, address) => expect(address).toBe('8.8.8.8'));
    expect.assertions(3);
  });
});
