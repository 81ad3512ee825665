import { randomBytes } from 'node:crypto';
import type { KeyProvider, KeyPurpose } from '../../src/store/index.js';

/** A key as a key file holds it. */
export interface TestKey {
  kty: 'oct';
  kid: string;
  k: string;
  purpose: KeyPurpose;
  activeFrom: string;
}

export const PAST = '2020-01-01T00:00:00.000Z';

/** A new random key. */
export function testKey(kid: string, purpose: KeyPurpose = 'access', activeFrom = PAST): TestKey {
  return { kty: 'oct', kid, k: randomBytes(32).toString('base64url'), purpose, activeFrom };
}

/** Keys in memory; the first of a purpose is its active one. */
export function keysInMemory(...all: TestKey[]): KeyProvider {
  const imported = (key: TestKey) =>
    crypto.subtle.importKey('raw', Buffer.from(key.k, 'base64url'), 'AES-KW', false, [
      'wrapKey',
      'unwrapKey',
    ]);
  const list = all.map(({ kid, purpose }) => ({
    kid,
    purpose,
    active: all.find((key) => key.purpose === purpose)?.kid === kid,
  }));
  return {
    async active(purpose) {
      const key = all.find((candidate) => candidate.purpose === purpose);
      if (key === undefined) throw new Error(`no ${purpose} key`);
      return { kid: key.kid, key: await imported(key) };
    },
    async get(kid) {
      const key = all.find((candidate) => candidate.kid === kid);
      return key === undefined ? undefined : imported(key);
    },
    list: () => Promise.resolve(list),
  };
}
