import {
  FlattenedEncrypt,
  decodeProtectedHeader,
  errors,
  flattenedDecrypt,
  type CryptoKey,
} from 'jose';
import { StoreError } from './errors.js';
import { purposeOf, type KeyProvider, type KeyPurpose } from './keys.js';

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

/** Which keys may hold a value: the access token's are not those of what it is refreshed with. */
export function keyPurposeOf({ purpose }: SealContext): KeyPurpose {
  return purpose === 'access_token' ? 'access' : 'grant';
}

/**
 * Fetches the active key of a purpose, so that sealing later cannot fail for want of it.
 *
 * @throws StoreError `key_unavailable`
 */
export async function prepareSealer(keys: KeyProvider, purpose: KeyPurpose): Promise<Sealer> {
  const { kid, key } = await keys.active(purpose);
  return { kid, seal: (context, plaintext) => seal({ kid, key }, context, plaintext) };
}

/**
 * Fetches one key of a purpose to seal with, whether it is active in this process or not yet.
 *
 * @throws StoreError `key_unavailable`
 */
export async function prepareSealerOf(
  keys: KeyProvider,
  purpose: KeyPurpose,
  kid: string,
): Promise<Sealer> {
  const key = await keys.get(kid);
  if (key === undefined || (await purposeOf(keys, kid)) !== purpose) {
    throw new StoreError('key_unavailable', `There is no ${purpose} key ${kid} in this process.`);
  }
  return { kid, seal: (context, plaintext) => seal({ kid, key }, context, plaintext) };
}

async function seal(
  { kid, key }: { kid: string; key: CryptoKey },
  context: SealContext,
  plaintext: string,
): Promise<SealedValue> {
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

/** Selects documents in which a member is still the very value that was read: an iv is used once. */
export function sameSealed(path: string, read: SealedValue | null): Record<string, string | null> {
  return read === null
    ? { [path]: null }
    : { [`${path}.iv`]: read.iv, [`${path}.protected`]: read.protected };
}

/**
 * Opens a sealed value in the place it was sealed for. The key is chosen by `kid` alone, never by
 * trying, and has to be one for such values: who holds `access` keys makes no refresh token.
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
  const purpose = await purposeOf(keys, kid);
  if (purpose !== keyPurposeOf(context)) {
    if (purpose === undefined)
      throw new StoreError('key_unavailable', `The key ${kid} of ${what} is not listed.`);
    throw new StoreError('unreadable', `${what} is sealed with a key for something else (${kid}).`);
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

function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
