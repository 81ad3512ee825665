/** JWEs that were changed, swapped or made by somebody else: none of them opens (RFC 7516 §5.2). */
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { FlattenedEncrypt, flattenedDecrypt, type JWEHeaderParameters } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  openSealed,
  prepareSealer,
  type SealContext,
  type SealedValue,
} from '../../src/store/index.js';
import { keysInMemory, testKey } from './keys.js';

const accessKey = testKey('access-1');
const otherKey = testKey('access-2');
const grantKey = testKey('grant-1', 'grant');
const keys = keysInMemory(accessKey, otherKey, grantKey);
const TOKEN = 'planted-secret-4f9c2e81d7';

const PLACE: SealContext = {
  database: 'oauth_tokens',
  collection: 'tokens',
  connectionId: 'superservice',
  incarnation: 'aB3dE6gH',
  epoch: 1,
  generation: 3,
  purpose: 'access_token',
};
/** What of the place is authenticated, in order. */
const FIELDS: unknown[] = Object.values(PLACE);
const HEADER = { alg: 'A256KW', enc: 'A256GCM', kid: 'access-1', typ: 'oat+jwe' };
const MEMBERS = ['protected', 'encrypted_key', 'iv', 'ciphertext', 'tag'] as const;

const additionalData = (fields: unknown[]) => new TextEncoder().encode(JSON.stringify(fields));
const AAD = additionalData(['oat1', ...FIELDS]);
const encoded = (header: unknown) => Buffer.from(JSON.stringify(header)).toString('base64url');
const rawKey = ({ k }: { k: string }) => Buffer.from(k, 'base64url');

const seal = async (place = PLACE, purpose: 'access' | 'grant' = 'access') =>
  (await prepareSealer(keys, purpose)).seal(place, TOKEN);
const sealed = await seal();
const another = await seal();

/** What jose itself would make with our key: only the header or the data differ from ours. */
async function made(header: JWEHeaderParameters, aad = AAD, key: Uint8Array = rawKey(accessKey)) {
  const jwe = await new FlattenedEncrypt(new TextEncoder().encode(TOKEN))
    .setProtectedHeader(header)
    .setAdditionalAuthenticatedData(aad)
    .encrypt(key);
  delete jwe.aad;
  return jwe as SealedValue;
}

async function codeOf(value: unknown, place = PLACE): Promise<unknown> {
  try {
    return `opened: ${await openSealed(keys, value as SealedValue, place)}`;
  } catch (error) {
    expect(error).toMatchObject({ name: 'StoreError' });
    expect(inspect(error, { depth: 9 })).not.toContain(TOKEN);
    return (error as { code?: unknown }).code;
  }
}

/** The bytes of a member with one bit turned. */
function flipped(text: string, at: number): string {
  const bytes = Buffer.from(text, 'base64url');
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return bytes.toString('base64url');
}

type Case = [what: string, value: unknown, code?: string];
const change = (what: string, changes: Record<string, unknown>, code?: string): Case =>
  code === undefined ? [what, { ...sealed, ...changes }] : [what, { ...sealed, ...changes }, code];
const header = (what: string, changes: Record<string, unknown>, code?: string): Case =>
  change(`header: ${what}`, { protected: encoded({ ...HEADER, ...changes }) }, code);

const changed: Case[] = MEMBERS.flatMap((member): Case[] => {
  const text = sealed[member];
  return [
    change(`${member}: first bit turned`, { [member]: flipped(text, 0) }),
    change(`${member}: last bit turned`, { [member]: flipped(text, -1) }),
    change(`${member}: a byte shorter`, {
      [member]: Buffer.from(text, 'base64url').subarray(0, -1).toString('base64url'),
    }),
    change(`${member}: a byte longer`, {
      [member]: Buffer.concat([Buffer.from(text, 'base64url'), Buffer.of(0)]).toString('base64url'),
    }),
    change(`${member}: empty`, { [member]: '' }),
    change(`${member}: not there`, { [member]: undefined }),
    change(`${member}: null`, { [member]: null }),
    change(`${member}: a number`, { [member]: 7 }),
    change(`${member}: not base64url`, { [member]: '!!!' }),
    change(`${member}: of the wrong kind`, { [member]: { text } }),
    change(`${member}: another one's bytes`, { [member]: randomBytes(32).toString('base64url') }),
  ];
});

const swapped: Case[] = [
  ...MEMBERS.filter((member) => member !== 'protected').map((member) =>
    change(`${member} of another value`, { [member]: another[member] }),
  ),
  change('iv and tag of another value', { iv: another.iv, tag: another.tag }),
  change('all but the key of another value', { ...another, encrypted_key: sealed.encrypted_key }),
  change('tag and iv exchanged', { iv: sealed.tag, tag: sealed.iv }),
  change('tag cut to 12 bytes', {
    tag: Buffer.from(sealed.tag, 'base64url').subarray(0, 12).toString('base64url'),
  }),
  change('tag cut to 4 bytes', {
    tag: Buffer.from(sealed.tag, 'base64url').subarray(0, 4).toString('base64url'),
  }),
];

const headers: Case[] = [
  ...[
    'A128KW',
    'A192KW',
    'dir',
    'A256GCMKW',
    'RSA-OAEP',
    'RSA1_5',
    'ECDH-ES',
    'ECDH-ES+A256KW',
  ].map((alg) => header(`alg ${alg}`, { alg })),
  ...['PBES2-HS512+A256KW', 'none', '', 'a256kw', 7, null, undefined].map((alg) =>
    header(`alg ${String(alg)}`, { alg }),
  ),
  ...['A128GCM', 'A192GCM', 'A128CBC-HS256', 'A256CBC-HS512', 'none', '', 7, null, undefined].map(
    (enc) => header(`enc ${String(enc)}`, { enc }),
  ),
  header('kid of another key', { kid: 'access-2' }),
  header('kid of the other purpose', { kid: 'grant-1' }),
  header('kid of no key', { kid: 'access-9' }, 'key_unavailable'),
  header('kid like a path', { kid: '../access-1' }, 'key_unavailable'),
  header('kid with a zero byte', { kid: 'access-1\0' }, 'key_unavailable'),
  header('kid of an object', { kid: '__proto__' }, 'key_unavailable'),
  header('kid empty', { kid: '' }, 'key_unavailable'),
  ...[undefined, null, 7, ['access-1'], { kid: 'access-1' }].map((kid) =>
    header(`kid ${JSON.stringify(kid)}`, { kid }),
  ),
  header('zip DEF', { zip: 'DEF' }),
  header('crit unknown', { crit: ['exp'], exp: 1 }),
  header('crit b64', { crit: ['b64'], b64: false }),
  header('typ other', { typ: 'JWT' }),
  header('typ gone', { typ: undefined }),
  header('cty added', { cty: 'JWT' }),
  header('jwk added', { jwk: { kty: 'oct', k: accessKey.k } }),
  header('jku added', { jku: 'https://evil.example/keys' }),
  header('x5u added', { x5u: 'https://evil.example/cert' }),
  header('apu added', { apu: 'AAAA' }),
  header('p2c added', { p2c: 1_000_000_000 }),
  change('header in another order', {
    protected: encoded(Object.fromEntries(Object.entries(HEADER).reverse())),
  }),
  change('header with a space', {
    protected: Buffer.from(`${JSON.stringify(HEADER)} `).toString('base64url'),
  }),
  change('header twice the same member', {
    protected: Buffer.from(`{"kid":"access-2",${JSON.stringify(HEADER).slice(1)}`).toString(
      'base64url',
    ),
  }),
  ...['[]', '7', 'null', '"text"', '{', '', '{"alg":"A256KW"'].map((text) =>
    change(`header ${text}`, { protected: Buffer.from(text).toString('base64url') }),
  ),
];

const extras: Case[] = [
  change('an unprotected header with another alg', { unprotected: { alg: 'dir' } }),
  change('an unprotected header with the same names', { unprotected: HEADER }),
  change('a recipient header with another enc', { header: { enc: 'A128GCM' } }),
  change('a recipient header of the wrong kind', { header: 'text' }),
];

const shapes: Case[] = [
  ['nothing', {}],
  ['a compact JWE', { protected: Object.values(sealed).join('.') }],
  [
    'members in capitals',
    Object.fromEntries(Object.entries(sealed).map(([k, v]) => [k.toUpperCase(), v])),
  ],
];

const CASES = [...changed, ...swapped, ...headers, ...extras, ...shapes];

describe(`a value that was changed (${CASES.length} ways)`, () => {
  it('opens as it was sealed, which is what the others differ from', async () => {
    expect(await codeOf(sealed)).toBe(`opened: ${TOKEN}`);
    expect(await codeOf(await made(HEADER))).toBe(`opened: ${TOKEN}`);
    expect(CASES.length).toBeGreaterThanOrEqual(100);
  });

  it.each(CASES)('does not open: %s', async (_what, value, code = 'unreadable') => {
    expect(await codeOf(value)).toBe(code);
  });
});

/** Sealed with our own key, so that only the rule stands between it and being read. */
describe('a value made with the right key', () => {
  it.each<[string, () => Promise<SealedValue>]>([
    ['for another enc', () => made({ ...HEADER, enc: 'A128GCM' })],
    ['for AES-CBC', () => made({ ...HEADER, enc: 'A256CBC-HS512' })],
    ['without key wrap (dir)', () => made({ ...HEADER, alg: 'dir' })],
    ['with GCM key wrap', () => made({ ...HEADER, alg: 'A256GCMKW' })],
    ['with a password', () => made({ ...HEADER, alg: 'PBES2-HS256+A128KW' })],
    ['under the id of another key', () => made({ ...HEADER, kid: 'access-2' })],
    ['by another key under its id', () => made(HEADER, AAD, rawKey(otherKey))],
    ['by the key of the other purpose', () => made(HEADER, AAD, rawKey(grantKey))],
    ['without additional data', () => made(HEADER, new Uint8Array())],
    ['with data of another version', () => made(HEADER, additionalData(['oat2', ...FIELDS]))],
    [
      'with data in another order',
      () => made(HEADER, additionalData(['oat1', ...[...FIELDS].reverse()])),
    ],
    [
      'with data that ends early',
      () => made(HEADER, additionalData(['oat1', ...FIELDS.slice(0, -1)])),
    ],
    ['with one field more', () => made(HEADER, additionalData(['oat1', ...FIELDS, '']))],
    ['with numbers as texts', () => made(HEADER, additionalData(['oat1', ...FIELDS.map(String)]))],
    ['with the fields run together', () => made(HEADER, new TextEncoder().encode(FIELDS.join('')))],
  ])('does not open: %s', async (_what, make) => {
    expect(await codeOf(await make())).toBe('unreadable');
  });
});

describe('a value in another place', () => {
  const other = { database: 'other', connectionId: 'other', incarnation: 'zZ9yY8xX', epoch: 2 };
  const places: Partial<SealContext>[] = [
    ...Object.entries(other).map(([name, value]) => ({ [name]: value })),
    ...[{ collection: 'connections' as const }, { generation: 4 }, { generation: 2 }, { epoch: 0 }],
    ...['refresh_token', 'client_secret|x', 'access_token ', 'ACCESS_TOKEN', ''].map((purpose) => ({
      purpose,
    })),
    ...[{ connectionId: 'Superservice' }, { connectionId: 'superservice ' }, { connectionId: '' }],
    // Two fields that only together spell what was sealed.
    { connectionId: 'superservice","aB3dE6gH', incarnation: '' },
    { epoch: 3, generation: 1 },
  ];

  it.each(places)('does not open: %j', async (place) => {
    expect(await codeOf(sealed, { ...PLACE, ...place })).toBe('unreadable');
    // And the other way round: sealed there, brought here.
    expect(await codeOf(await seal({ ...PLACE, ...place }))).toBe('unreadable');
  });

  it('does not open with the additional data of its old place beside it', async () => {
    const aad = Buffer.from(AAD).toString('base64url');
    const moved = { ...sealed, aad };
    expect(await codeOf(moved, { ...PLACE, connectionId: 'other' })).toBe('unreadable');
  });
});

/** https://www.rfc-editor.org/rfc/rfc7520.html#section-5.8 */
describe('RFC 7520 §5.8, key wrap and AES-GCM', () => {
  const KEK = 'GZy6sIZ6wl9NJOKB-jnmVQ';
  const VECTOR = {
    protected:
      'eyJhbGciOiJBMTI4S1ciLCJraWQiOiI4MWIyMDk2NS04MzMyLTQzZDktYTQ2OC04MjE2MGFkOTFhYzgiLCJlbmMiOiJBMTI4R0NNIn0',
    encrypted_key: 'CBI6oDw8MydIx1IBntf_lQcw2MmJKIQx',
    iv: 'Qx0pmsDa8KnJc9Jo',
    ciphertext:
      'AwliP-KmWgsZ37BvzCefNen6VTbRK3QMA4TkvRkH0tP1bTdhtFJgJxeVmJkLD61A1hnWGetdg11c9ADsnWgL56NyxwSYjU1ZEHcGkd3EkU0vjHi9gTlb90qSYFfeF0LwkcTtjbYKCsiNJQkcIp1yeM03OmuiYSoYJVSpf7ej6zaYcMv3WwdxDFl8REwOhNImk2Xld2JXq6BR53TSFkyT7PwVLuq-1GwtGHlQeg7gDT6xW0JqHDPn_H-puQsmthc9Zg0ojmJfqqFvETUxLAF-KjcBTS5dNy6egwkYtOt8EIHK-oEsKYtZRaa8Z7MOZ7UGxGIMvEmxrGCPeJa14slv2-gaqK0kEThkaSqdYw0FkQZF',
    tag: 'ER7MWJZ1FBI_NKvn7Zb1Lw',
  };

  it('opens with jose as the RFC says', async () => {
    const { plaintext } = await flattenedDecrypt(VECTOR, Buffer.from(KEK, 'base64url'));
    expect(new TextDecoder().decode(plaintext)).toMatch(
      /^You can trust us to stick with you through thick and thin/,
    );
  });

  it('does not open here, even with a key of its id: 128 bits are not what we seal with', async () => {
    const kid = '81b20965-8332-43d9-a468-82160ad91ac8';
    const key = await crypto.subtle.importKey(
      'raw',
      Buffer.from(KEK, 'base64url'),
      'AES-KW',
      false,
      ['unwrapKey'],
    );
    const provider = {
      ...keys,
      get: async (id: string) => (id === kid ? key : undefined),
      list: async () => [{ kid, purpose: 'access', active: false }],
    };
    await expect(openSealed(provider, VECTOR, PLACE)).rejects.toMatchObject({ code: 'unreadable' });
  });
});
