import {
  FlattenedEncrypt,
  decodeProtectedHeader,
  errors,
  flattenedDecrypt,
  type CryptoKey,
} from 'jose';
import { StoreError } from './errors.js';
import type { KeyProvider, KeyPurpose } from './keys.js';

const ALG = 'A256KW';
const ENC = 'A256GCM';
const TYP = 'oat+jwe';

/** A sealed value as it lies in MongoDB: a flattened JWE without its `aad` (RFC 7516 §7.2.2). */
export interface SealedValue {
  protected: string;
  encrypted_key: string;
  iv: string;
  ciphertext: string;
  tag: string;
}

/**
 * Where a sealed value belongs. It is authenticated with the value and rebuilt from the record when
 * reading, so that a value moved to another record, generation or member does not open.
 */
export interface SealContext {
  database: string;
  collection: 'authorizations' | 'connections' | 'tokens';
  connectionId: string;
  incarnation: string;
  epoch: number;
  generation: number;
  purpose: string;
}

/** Seals with a key that is already here: nothing it does needs I/O. */
export interface Sealer {
  kid: string;
  seal(context: SealContext, plaintext: string): Promise<SealedValue>;
}

function additionalData(context: SealContext): Uint8Array {
  const { database, collection, connectionId, incarnation, epoch, generation, purpose } = context;
  const fields = [
    'oat1',
    database,
    collection,
    connectionId,
    incarnation,
    epoch,
    generation,
    purpose,
  ];
  return new TextEncoder().encode(JSON.stringify(fields));
}

/**
 * Fetches the active key of a purpose, so that sealing later cannot fail for want of it.
 *
 * @throws StoreError `key_unavailable`
 */
export async function prepareSealer(keys: KeyProvider, purpose: KeyPurpose): Promise<Sealer> {
  const { kid, key } = await keys.active(purpose);
  return {
    kid,
    async seal(context, plaintext) {
      const jwe = await new FlattenedEncrypt(new TextEncoder().encode(plaintext))
        .setProtectedHeader({ alg: ALG, enc: ENC, kid, typ: TYP })
        .setAdditionalAuthenticatedData(additionalData(context))
        .encrypt(key);
      const { protected: header, encrypted_key, iv, ciphertext, tag } = jwe;
      if (
        header === undefined ||
        encrypted_key === undefined ||
        iv === undefined ||
        tag === undefined
      ) {
        throw new StoreError('unreadable', 'A value could not be sealed.');
      }
      return { protected: header, encrypted_key, iv, ciphertext, tag };
    },
  };
}

/** The id of the key a value is sealed with; null when its header is not readable. */
export function kidOf(sealed: SealedValue): string | null {
  try {
    const { kid } = decodeProtectedHeader(sealed);
    return typeof kid === 'string' ? kid : null;
  } catch {
    return null;
  }
}

/**
 * Opens a sealed value in the place it was sealed for. The key is chosen by `kid` alone, never by
 * trying.
 *
 * @throws StoreError `key_unavailable` (retryable) or `unreadable` (changed or moved)
 */
export async function openSealed(
  keys: KeyProvider,
  sealed: SealedValue,
  context: SealContext,
): Promise<string> {
  const what = `the ${context.purpose.split('|', 1)[0]} of connection ${context.connectionId}`;
  const kid = kidOf(sealed);
  if (kid === null) throw new StoreError('unreadable', `${what} has no readable header.`);
  const key = await keys.get(kid);
  if (key === undefined) {
    throw new StoreError('key_unavailable', `The key ${kid} of ${what} is not in the key file.`);
  }
  try {
    const { plaintext } = await flattenedDecrypt(
      { ...sealed, aad: toBase64url(additionalData(context)) },
      key,
      { keyManagementAlgorithms: [ALG], contentEncryptionAlgorithms: [ENC] },
    );
    return new TextDecoder().decode(plaintext);
  } catch (error) {
    const code = error instanceof errors.JOSEError ? error.code : 'not a JWE';
    throw new StoreError('unreadable', `${what} does not open with its key (${code}).`);
  }
}

/**
 * A keyed fingerprint: equal for equal texts under one key, and of no use without it. AES key wrap
 * is deterministic (RFC 3394), so wrapping a digest makes one from a key that cannot be exported.
 */
export async function fingerprint(
  keys: KeyProvider,
  connectionId: string,
  text: string,
  kid?: string,
): Promise<string | null> {
  const chosen = kid === undefined ? await keys.active('grant') : { kid, key: await keys.get(kid) };
  if (chosen.key === undefined) return null;
  const digest = await keyedDigest(chosen.key, ['oat1-fingerprint', connectionId, text]);
  return `${chosen.kid}.${toBase64url(digest)}`;
}

async function keyedDigest(key: CryptoKey, fields: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const input = new TextEncoder().encode(JSON.stringify(fields));
  const digest = await crypto.subtle.digest('SHA-256', input);
  const asKey = await crypto.subtle.importKey(
    'raw',
    digest,
    { name: 'HMAC', hash: 'SHA-256' },
    true,
    ['sign'],
  );
  const wrapped = await crypto.subtle.wrapKey('raw', asKey, key, 'AES-KW');
  return new Uint8Array(await crypto.subtle.digest('SHA-256', wrapped));
}

/**
 * A key for message authentication, derived from a `grant` key: for one use, and never the sealing
 * key itself. A key that applications hold too (`access`) makes none.
 *
 * @param use - what it is for; another use has another key
 * @param kid - the key to derive it from; not given: the active one
 * @returns null when there is no `grant` key of this id
 * @throws StoreError `key_unavailable`
 */
export async function deriveMacKey(
  keys: KeyProvider,
  use: string,
  kid?: string,
): Promise<{ kid: string; key: CryptoKey } | null> {
  const chosen = kid === undefined ? await keys.active('grant') : await grantKey(keys, kid);
  if (chosen === null) return null;
  const raw = await keyedDigest(chosen.key, ['oat1-mac', use]);
  const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ]);
  return { kid: chosen.kid, key };
}

async function grantKey(
  keys: KeyProvider,
  kid: string,
): Promise<{ kid: string; key: CryptoKey } | null> {
  const known = await keys.list();
  if (!known.some((info) => info.kid === kid && info.purpose === 'grant')) return null;
  const key = await keys.get(kid);
  return key === undefined ? null : { kid, key };
}

/** Whether a text has the given fingerprint; false when its key is gone. */
export async function matchesFingerprint(
  keys: KeyProvider,
  connectionId: string,
  text: string,
  expected: string,
): Promise<boolean> {
  const kid = expected.slice(0, expected.lastIndexOf('.'));
  return (await fingerprint(keys, connectionId, text, kid)) === expected;
}

function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
