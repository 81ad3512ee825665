import { createHash, timingSafeEqual } from 'node:crypto';
import type { KeyProvider } from './keys.js';
import { openSealed, prepareSealer, type SealContext, type SealedValue } from './sealing.js';

/**
 * What a record remembers of the refresh token that was imported: its digest, sealed. Nobody can
 * test guesses without the key, and a new key takes it over like every other sealed value.
 */
export interface Fingerprint {
  /** Id of the key; beside the value, where update pipelines can read it. */
  kid: string;
  digest: SealedValue;
}

/** The record and epoch of an import. */
export interface FingerprintPlace {
  /** Name of the database. */
  database: string;
  connectionId: string;
  incarnation: string;
  epoch: number;
}

/** The place a fingerprint is sealed for: of its epoch, whatever the generation is by now. */
export function fingerprintContext(place: FingerprintPlace): SealContext {
  const { database, connectionId, incarnation, epoch } = place;
  return {
    ...{ database, collection: 'tokens', connectionId, incarnation, epoch },
    ...{ generation: 0, purpose: 'refresh_token_fingerprint' },
  };
}

/**
 * Makes the fingerprint of an imported refresh token.
 *
 * @throws StoreError `key_unavailable`
 */
export async function makeFingerprint(
  keys: KeyProvider,
  place: FingerprintPlace,
  refreshToken: string,
): Promise<Fingerprint> {
  const sealer = await prepareSealer(keys, 'grant');
  const digest = digestOf(refreshToken).toString('base64url');
  return { kid: sealer.kid, digest: await sealer.seal(fingerprintContext(place), digest) };
}

/**
 * Whether a refresh token is the one that was imported.
 *
 * @throws StoreError `key_unavailable` or `unreadable`
 */
export async function matchesFingerprint(
  keys: KeyProvider,
  place: FingerprintPlace,
  { fingerprint, refreshToken }: { fingerprint: Fingerprint; refreshToken: string },
): Promise<boolean> {
  const known = await openSealed(keys, fingerprint.digest, fingerprintContext(place));
  const digest = digestOf(refreshToken);
  const expected = Buffer.from(known, 'base64url');
  return digest.length === expected.length && timingSafeEqual(digest, expected);
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
