import { describe, expect, it } from 'vitest';
import {
  makeFingerprint,
  matchesFingerprint,
  type Fingerprint,
  type KeyProvider,
} from '../../src/store/index.js';
import { keysInMemory, testKey } from './keys.js';

const accessKey = testKey('access-1');
const grantKey = testKey('grant-1', 'grant');
const keys = keysInMemory(accessKey, grantKey);
const TOKEN = 'planted-secret-4f9c2e81d7';
const PLACE = {
  database: 'oauth_tokens',
  connectionId: 'superservice',
  incarnation: 'aB3dE6gH',
  epoch: 1,
};

const matches = (
  fingerprint: Fingerprint,
  refreshToken: string,
  place = PLACE,
  from: KeyProvider = keys,
) => matchesFingerprint(from, place, { fingerprint, refreshToken });

describe('the fingerprint of an imported refresh token', () => {
  it('knows the token again, and no other', async () => {
    const known = await makeFingerprint(keys, PLACE, TOKEN);
    expect(await matches(known, TOKEN)).toBe(true);
    expect(await matches(known, `${TOKEN}x`)).toBe(false);
    expect(await matches(known, '')).toBe(false);
  });

  it('tells nothing without the key, and is another one each time', async () => {
    const [one, two] = [
      await makeFingerprint(keys, PLACE, TOKEN),
      await makeFingerprint(keys, PLACE, TOKEN),
    ];
    expect(JSON.stringify(one)).not.toContain(TOKEN);
    expect(one.digest.ciphertext).not.toBe(two.digest.ciphertext);
  });

  it('is sealed with the grant key, and says so', async () => {
    expect((await makeFingerprint(keys, PLACE, TOKEN)).kid).toBe('grant-1');
  });

  it('holds for its own connection, incarnation and epoch only', async () => {
    const known = await makeFingerprint(keys, PLACE, TOKEN);
    for (const other of [
      { ...PLACE, connectionId: 'other' },
      { ...PLACE, incarnation: 'another1' },
      { ...PLACE, epoch: 2 },
      { ...PLACE, database: 'other' },
    ]) {
      await expect(matches(known, TOKEN, other)).rejects.toMatchObject({ code: 'unreadable' });
    }
  });

  it('says that it cannot tell when its key is not there', async () => {
    const known = await makeFingerprint(keys, PLACE, TOKEN);
    const gone = keysInMemory(testKey('grant-2', 'grant'));
    await expect(matches(known, TOKEN, PLACE, gone)).rejects.toMatchObject({
      code: 'key_unavailable',
    });
  });
});
