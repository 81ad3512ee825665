import { randomBytes } from 'node:crypto';
import type { MongoClient } from 'mongodb';
import { openDatabase } from './database.js';
import { StoreError } from './errors.js';
import { PROPAGATION_MS, newKid } from './key-file-changes.js';
import type { KmsAdapter } from './kms-adapter.js';
import { KmsKeyring } from './kms-keyring.js';
import type { KeyInfo, KeyProvider, KeyPurpose } from './keys.js';
import { activeFromOf, insertWrappedKey, readWrappedKeys } from './wrapped-keys.js';

/** How a KMS-backed key provider is made. */
export interface KmsKeyProviderOptions {
  kms: KmsAdapter;
  /** Where the wrapped keys lie: the collection `keys` of the token database. */
  mongodb: MongoClient | string;
  /** What this process may open; default both. An application names `access` alone. */
  purposes?: readonly KeyPurpose[] | undefined;
  /**
   * Keys that only open: those of the key file that was used before, or of the one an operator's
   * `connection put` seals with. `rotateKeys` moves their records to the KMS's keys.
   */
  opens?: KeyProvider | undefined;
  /** How often the collection is looked at for new keys, in milliseconds. Default 30 s. */
  refreshMs?: number | undefined;
  /** How long a caller waits for the KMS, in milliseconds; the answer is kept. Default 5 s. */
  timeoutMs?: number | undefined;
}

/** A {@link KeyProvider} whose keys a KMS keeps wrapped. */
export interface KmsKeyProvider extends KeyProvider {
  /**
   * Adds a key of each purpose: active at once where there is none yet, ten minutes later otherwise.
   *
   * @returns the new keys' ids and when they become active (MongoDB's clock)
   * @throws StoreError `key_unavailable` when the KMS does not wrap, `unavailable`
   */
  generateKeys(): Promise<{ kids: string[]; activeFrom: string }>;
  /** Closes its MongoDB client, if it made it. */
  close(): Promise<void>;
}

const KEY_BYTES = 32;

/**
 * The {@link KeyProvider} for an external KMS. The keys lie wrapped in the collection `keys` of the
 * token database; each process has them unwrapped once, before they seal, and holds them in memory as
 * keys that cannot be exported. From then on nothing waits for the KMS: while it is away, what was
 * unwrapped serves, and a key that was not is `Store.key_unavailable`, retried.
 *
 * @example
 * ```ts
 * const keys = createKmsKeyProvider({ mongodb, kms: createAwsKmsAdapter(new KMS({}), keyArn) });
 * await keys.generateKeys(); // once, and to rotate
 * const worker = await createTokenWorker({ connection, mongodb, keys });
 * ```
 */
export function createKmsKeyProvider(options: KmsKeyProviderOptions): KmsKeyProvider {
  const { kms, purposes = ['access', 'grant'], refreshMs = 30_000, timeoutMs = 5_000 } = options;
  const database = openDatabase(options.mongodb);
  const keyring = new KmsKeyring({ database, kms, purposes, refreshMs, timeoutMs });
  return {
    active: (purpose) => keyring.active(purpose),
    get: async (kid) => (await keyring.get(kid)) ?? options.opens?.get(kid),
    async list() {
      const others = (await options.opens?.list()) ?? [];
      const openOnly = others
        .filter(({ purpose }) => purposes.some((mine) => mine === purpose))
        .map(({ kid, purpose }) => ({ kid, purpose, active: false }));
      return [...(await keyring.list()), ...openOnly];
    },
    async generateKeys() {
      const { documents } = await readWrappedKeys(database);
      const made: KeyInfo[] = [];
      for (const purpose of ['access', 'grant'] as const) {
        const first = !documents.some((document) => document.purpose === purpose);
        const kid = newKid(purpose);
        const wrapped = await wrapNew(kms, keyring.contextOf(kid, purpose));
        const activeAfterMs = first ? 0 : PROPAGATION_MS;
        await insertWrappedKey(database, { _id: kid, purpose, ...wrapped, activeAfterMs });
        made.push({ kid, purpose, active: first });
      }
      const written = (await readWrappedKeys(database)).documents;
      const times = written
        .filter(({ _id }) => made.some(({ kid }) => kid === _id))
        .map(activeFromOf);
      keyring.forget();
      const activeFrom = new Date(Math.max(...times)).toISOString();
      return { kids: made.map(({ kid }) => kid), activeFrom };
    },
    close: () => database.close(),
  };
}

async function wrapNew(
  kms: KmsAdapter,
  aad: Record<string, string>,
): Promise<{ kms: string; keyRef: string; wrapped: string }> {
  try {
    const { wrapped, keyRef } =
      kms.generate === undefined ? await wrapRandom(kms, aad) : await generated(kms, aad);
    return { kms: kms.id, keyRef, wrapped: Buffer.from(wrapped).toString('base64url') };
  } catch {
    // What a client throws may quote the request, and so the key.
    throw new StoreError('key_unavailable', `The KMS (${kms.id}) did not wrap a new key.`);
  }
}

async function generated(kms: KmsAdapter, aad: Record<string, string>) {
  const made = await kms.generate?.(aad);
  if (made?.key.length !== KEY_BYTES) throw new TypeError('A key of another length.');
  made.key.fill(0);
  return made;
}

async function wrapRandom(kms: KmsAdapter, aad: Record<string, string>) {
  const key = Uint8Array.from(randomBytes(KEY_BYTES));
  try {
    return await kms.wrap(key, aad);
  } finally {
    key.fill(0);
  }
}
