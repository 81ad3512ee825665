import { inspect } from 'node:util';
import fc from 'fast-check';
import { FlattenedEncrypt, base64url } from 'jose';
import { describe, expect, it } from 'vitest';
import { clientSecretContext } from '../../src/store/connections.js';
import {
  kidOf,
  openSealed,
  prepareSealer,
  prepareSealerOf,
  type KeyProvider,
  type SealContext,
  type SealedValue,
  type TokenDatabase,
} from '../../src/store/index.js';
import { kidsOf } from '../../src/store/tokens.js';
import { keysInMemory, testKey } from './keys.js';

const accessKey = testKey('access-1');
const grantKey = testKey('grant-1', 'grant');
const keys = keysInMemory(accessKey, grantKey);
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

const PLACE_FIELDS: unknown[] = Object.values(PLACE);

const seal = async (text = TOKEN, place = PLACE, from: KeyProvider = keys) =>
  (await prepareSealer(from, place.purpose === 'access_token' ? 'access' : 'grant')).seal(
    place,
    text,
  );

async function codeOf(opening: Promise<string>): Promise<unknown> {
  try {
    await opening;
    return 'opened';
  } catch (error) {
    expect(inspect(error, { depth: 9 })).not.toContain(TOKEN);
    return (error as { code?: unknown }).code;
  }
}

describe('a sealed value', () => {
  it('opens in its place with its key', async () => {
    expect(await openSealed(keys, await seal(), PLACE)).toBe(TOKEN);
  });

  it('opens to the same text, whatever text it was', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 3_000 });
    await fc.assert(
      fc.asyncProperty(text, async (plaintext) => {
        expect(await openSealed(keys, await seal(plaintext), PLACE)).toBe(plaintext);
      }),
      { numRuns: 50 },
    );
  });

  it('is a flattened JWE without its additional authenticated data (RFC 7516 §7.2.2)', async () => {
    const sealed = await seal();
    expect(Object.keys(sealed).sort()).toEqual(
      ['ciphertext', 'encrypted_key', 'iv', 'protected', 'tag'].sort(),
    );
    const header = JSON.parse(Buffer.from(sealed.protected, 'base64url').toString()) as unknown;
    expect(header).toEqual({ alg: 'A256KW', enc: 'A256GCM', kid: 'access-1', typ: 'oat+jwe' });
    expect(JSON.stringify(sealed)).not.toContain(TOKEN);
    expect(kidOf(sealed)).toBe('access-1');
    expect(kidsOf(sealed, null, sealed)).toEqual(['access-1']);
  });

  it('has a content key, an initialization vector and a ciphertext of its own each time', async () => {
    const [first, second] = [await seal(), await seal()];
    for (const member of ['encrypted_key', 'iv', 'ciphertext', 'tag'] as const) {
      expect(first[member]).not.toBe(second[member]);
    }
  });

  it('can still be opened after a new key became active', async () => {
    const sealed = await seal();
    const rotated = keysInMemory(testKey('access-2'), accessKey, grantKey);
    expect(await openSealed(rotated, sealed, PLACE)).toBe(TOKEN);
    expect(kidOf(await seal(TOKEN, PLACE, rotated))).toBe('access-2');
  });
});

describe('a value that was moved', () => {
  it.each([
    ['to another database', { database: 'other' }],
    ['to the other collection', { collection: 'connections' as const }],
    ['to another connection', { connectionId: 'other' }],
    ['to a connection removed and put again', { incarnation: 'zZ9yY8xX' }],
    ['to another epoch', { epoch: 2 }],
    ['to another generation', { generation: 4 }],
    ['to the other member', { purpose: 'refresh_token' }],
  ])('%s does not open', async (_where, moved) => {
    expect(await codeOf(openSealed(keys, await seal(), { ...PLACE, ...moved }))).toBe('unreadable');
  });

  it('does not open anywhere but in its place', async () => {
    const sealed = await seal();
    const place = fc.record({
      database: fc.string(),
      collection: fc.constantFrom('tokens' as const, 'connections' as const),
      connectionId: fc.oneof(fc.constant('superservice'), fc.string()),
      incarnation: fc.oneof(fc.constant('aB3dE6gH'), fc.string()),
      epoch: fc.integer(),
      generation: fc.integer(),
      purpose: fc.oneof(fc.constant('access_token'), fc.string()),
    });
    await fc.assert(
      fc.asyncProperty(place, async (elsewhere) => {
        expect(await codeOf(openSealed(keys, sealed, elsewhere))).toBe('unreadable');
      }),
      { numRuns: 100 },
    );
  });

  it('does not open with an `aad` of its own', async () => {
    const elsewhere = { ...PLACE, connectionId: 'other' };
    const aad = base64url.encode(JSON.stringify(['oat1', ...PLACE_FIELDS]));
    const carried = { ...(await seal()), aad } as SealedValue;
    expect(await codeOf(openSealed(keys, carried, elsewhere))).toBe('unreadable');
    expect(await openSealed(keys, carried, PLACE)).toBe(TOKEN);
  });
});

describe('a value that was changed', () => {
  const members = ['protected', 'encrypted_key', 'iv', 'ciphertext', 'tag'] as const;

  it.each(members)('in one bit of its %s does not open', async (member) => {
    const sealed = await seal();
    const bytes = Buffer.from(sealed[member], 'base64url');
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
        const changed = Buffer.from(bytes);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const value = { ...sealed, [member]: changed.toString('base64url') };
        expect(await codeOf(openSealed(keys, value, PLACE))).toMatch(/unreadable|key_unavailable/);
      }),
      { numRuns: 40 },
    );
  });

  it.each(members)('by another value in its %s does not open', async (member) => {
    const [sealed, other] = [await seal(), await seal('another text of another length')];
    const value = { ...sealed, [member]: other[member] };
    const opened = member === 'protected' ? 'opened' : 'unreadable';
    expect(await codeOf(openSealed(keys, value, PLACE))).toBe(opened);
  });

  it.each(members)('by leaving out its %s does not open', async (member) => {
    const value = { ...(await seal()), [member]: undefined };
    expect(await codeOf(openSealed(keys, value, PLACE))).toBe('unreadable');
  });

  it.each([
    ['alg', { alg: 'dir' }],
    ['alg', { alg: 'A128KW' }],
    ['alg', { alg: 'PBES2-HS256+A128KW', p2c: 1e9, p2s: 'AAAAAAAAAAA' }],
    ['enc', { enc: 'A128CBC-HS256' }],
    ['enc', { enc: 'A256CBC-HS512' }],
    ['crit', { crit: ['exp'], exp: 0 }],
    ['zip', { zip: 'DEF' }],
    ['kid', { kid: 7 }],
  ])('by another %s in its header (%j) does not open', async (_name, change) => {
    const sealed = await seal();
    const header = JSON.parse(Buffer.from(sealed.protected, 'base64url').toString()) as object;
    const value = {
      ...sealed,
      protected: base64url.encode(JSON.stringify({ ...header, ...change })),
    };
    expect(await codeOf(openSealed(keys, value, PLACE))).toBe('unreadable');
  });

  it('is refused with another algorithm even when it was sealed so with our key', async () => {
    const { key } = await keys.active('access');
    const aad = new TextEncoder().encode(JSON.stringify(['oat1', ...PLACE_FIELDS]));
    const sealedBy = async (enc: string) =>
      (await new FlattenedEncrypt(new TextEncoder().encode(TOKEN))
        .setProtectedHeader({ alg: 'A256KW', enc, kid: 'access-1' })
        .setAdditionalAuthenticatedData(aad)
        .encrypt(key)) as SealedValue;
    expect(await codeOf(openSealed(keys, await sealedBy('A256GCM'), PLACE))).toBe('opened');
    expect(await codeOf(openSealed(keys, await sealedBy('A256CBC-HS512'), PLACE))).toBe(
      'unreadable',
    );
    expect(await codeOf(openSealed(keys, await sealedBy('A128GCM'), PLACE))).toBe('unreadable');
  });

  it.each([{}, { protected: '' }, { protected: '!!' }, { protected: 7 }])(
    'beyond recognition (%j) does not open',
    async (value) => {
      expect(await codeOf(openSealed(keys, value as SealedValue, PLACE))).toBe('unreadable');
    },
  );
});

describe('a key', () => {
  it('that is not there is unavailable, which is retried, and is named', async () => {
    const opening = openSealed(keysInMemory(testKey('access-2')), await seal(), PLACE);
    await expect(opening).rejects.toMatchObject({
      name: 'StoreError',
      code: 'key_unavailable',
      message: expect.stringContaining('access-1') as string,
    });
  });

  it('is chosen by its id alone, never by trying: the right key under another id does not help', async () => {
    const renamed = keysInMemory({ ...accessKey, kid: 'other' });
    expect(await codeOf(openSealed(renamed, await seal(), PLACE))).toBe('key_unavailable');
  });

  it('that is another one of the same id does not open', async () => {
    const other = keysInMemory(testKey('access-1'));
    expect(await codeOf(openSealed(other, await seal(), PLACE))).toBe('unreadable');
  });
});

describe('a client secret', () => {
  const database = { name: 'oauth_tokens' } as TokenDatabase;
  const connection = (tokenEndpoint: string, clientId = 'client_id_123', post = true) =>
    ({
      connectionId: 'superservice',
      authorizationServer: { tokenEndpoint },
      client: { clientId, authentication: post ? 'client_secret_post' : 'client_secret_basic' },
    }) as Parameters<typeof clientSecretContext>[1];
  const place = (...about: Parameters<typeof connection>) =>
    clientSecretContext(database, connection(...about));
  const home = place('https://auth.example/token');

  it('opens for another path of the same token endpoint', async () => {
    const sealed = await seal(TOKEN, home);
    expect(await openSealed(keys, sealed, place('https://auth.example/v2/token'))).toBe(TOKEN);
  });

  it.each([
    ['another host', place('https://evil.example/token')],
    ['another port', place('https://auth.example:8443/token')],
    ['another scheme', place('http://auth.example/token')],
    ['another client', place('https://auth.example/token', 'other')],
    ['another authentication', place('https://auth.example/token', 'client_id_123', false)],
  ])('does not open for %s', async (_where, elsewhere) => {
    expect(await codeOf(openSealed(keys, await seal(TOKEN, home), elsewhere))).toBe('unreadable');
  });

  it('that does not open names its connection, not its place', async () => {
    const moved = await seal(TOKEN, place('https://evil.example/token'));
    const opening = openSealed(keys, moved, home);
    await expect(opening).rejects.toThrow(
      'the client_secret of connection superservice does not open with its key',
    );
  });
});

describe('the purpose of a key', () => {
  const grantPlace: SealContext = {
    ...PLACE,
    purpose: 'refresh_token|https://auth.example|a|none',
  };

  it('is checked when opening: who holds access keys makes no refresh token', async () => {
    const forged = await (await prepareSealer(keys, 'access')).seal(grantPlace, TOKEN);
    const opening = openSealed(keys, forged, grantPlace);
    await expect(opening).rejects.toMatchObject({ code: 'unreadable' });
    await expect(opening).rejects.toThrow('sealed with a key for something else (access-1)');
    const other = await (await prepareSealer(keys, 'grant')).seal(PLACE, TOKEN);
    expect(await codeOf(openSealed(keys, other, PLACE))).toBe('unreadable');
  });

  it('is not guessed: a key that its provider does not list opens nothing for now', async () => {
    const sealed = await seal();
    const silent: KeyProvider = { ...keys, list: () => Promise.resolve([]) };
    expect(await codeOf(openSealed(silent, sealed, PLACE))).toBe('key_unavailable');
  });

  it('is asked for once a key, not once a token', async () => {
    let lists = 0;
    const counted: KeyProvider = {
      ...keys,
      list: () => {
        lists += 1;
        return keys.list();
      },
    };
    const sealed = await seal();
    for (let index = 0; index < 10; index += 1) await openSealed(counted, sealed, PLACE);
    expect(lists).toBe(1);
  });

  it('is also that of the key a rotation seals with', async () => {
    await expect(prepareSealerOf(keys, 'grant', 'access-1')).rejects.toMatchObject({
      code: 'key_unavailable',
    });
    const sealer = await prepareSealerOf(keys, 'access', 'access-1');
    expect(await openSealed(keys, await sealer.seal(PLACE, TOKEN), PLACE)).toBe(TOKEN);
  });
});
