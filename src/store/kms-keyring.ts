import type { CryptoKey } from 'jose';
import type { TokenDatabase } from './database.js';
import { StoreError } from './errors.js';
import type { KmsAdapter } from './kms-adapter.js';
import type { KeyInfo, KeyPurpose } from './keys.js';
import { activeFromOf, readWrappedKeys, type WrappedKeyDocument } from './wrapped-keys.js';

/** What a {@link KmsKeyring} works with. */
export interface KmsKeyringParts {
  database: TokenDatabase;
  kms: KmsAdapter;
  purposes: readonly KeyPurpose[];
  refreshMs: number;
  timeoutMs: number;
}

/** The documents as they were read, and when on this process's monotonic clock. */
interface Loaded {
  documents: WrappedKeyDocument[];
  /** MongoDB's clock minus the monotonic one. */
  offsetMs: number;
  at: number;
}

/** An id that is not known is looked up in MongoDB at most this often. */
const MISS_MS = 1_000;
const KEY_BYTES = 32;

/** The keys of a database, unwrapped once by a KMS and from then on in memory. */
export class KmsKeyring {
  readonly #parts: KmsKeyringParts;
  readonly #keys = new Map<string, CryptoKey>();
  /** Under way; whoever waited in vain leaves the answer to the next one. */
  readonly #unwrapping = new Map<string, Promise<CryptoKey>>();
  #loaded: Loaded | null = null;
  #loading: Promise<Loaded> | null = null;

  constructor(parts: KmsKeyringParts) {
    this.#parts = parts;
  }

  /** What a key is wrapped for: not to be had for another id, purpose or database. */
  contextOf(kid: string, purpose: KeyPurpose): Record<string, string> {
    return { package: 'temporal-oauth-tokens', database: this.#parts.database.name, kid, purpose };
  }

  /** Looks at the collection again with the next question. */
  forget(): void {
    if (this.#loaded !== null) this.#loaded.at = -Infinity;
  }

  /**
   * The newest key whose time has come and that is unwrapped; while the KMS is away one before it
   * serves as well, because everybody can open what it seals.
   */
  async active(purpose: KeyPurpose): Promise<{ kid: string; key: CryptoKey }> {
    let due = this.#due(await this.#current(), purpose);
    // The first keys may have been made since.
    if (due.length === 0) due = this.#due(await this.#current(0), purpose);
    for (const { _id: kid } of due) {
      const key = this.#keys.get(kid);
      if (key !== undefined) return { kid, key };
    }
    const [newest] = due;
    if (newest === undefined) {
      throw new StoreError('key_unavailable', `There is no ${purpose} key yet: generate keys.`);
    }
    return { kid: newest._id, key: await this.#unwrapped(newest) };
  }

  async get(kid: string): Promise<CryptoKey | undefined> {
    const key = this.#keys.get(kid);
    if (key !== undefined) return key;
    const find = ({ documents }: Loaded) => documents.find(({ _id }) => _id === kid);
    const found = find(await this.#current()) ?? find(await this.#current(MISS_MS));
    return found === undefined ? undefined : this.#unwrapped(found);
  }

  async list(): Promise<KeyInfo[]> {
    const loaded = await this.#current(0);
    return loaded.documents.map((document) => {
      const { _id: kid, purpose } = document;
      const active = this.#due(loaded, purpose)[0]?._id === kid;
      const waits = activeFromOf(document) > this.#now(loaded);
      const state = active ? 'active' : waits ? 'created' : 'open-only';
      const activeFrom = new Date(activeFromOf(document)).toISOString();
      return { kid, purpose, active, state, activeFrom };
    });
  }

  #now({ offsetMs }: Loaded): number {
    return performance.now() + offsetMs;
  }

  /** Keys of a purpose whose time has come, the newest first; the oldest when there is none. */
  #due(loaded: Loaded, purpose: KeyPurpose): WrappedKeyDocument[] {
    const mine = loaded.documents
      .filter((document) => document.purpose === purpose)
      .sort((a, b) => activeFromOf(a) - activeFromOf(b));
    const due = mine.filter((document) => activeFromOf(document) <= this.#now(loaded)).reverse();
    return due.length > 0 ? due : mine.slice(0, 1);
  }

  /** The documents: those at hand, while they are looked at again; waits when there are none. */
  async #current(maxAgeMs?: number): Promise<Loaded> {
    const { refreshMs } = this.#parts;
    const loaded = this.#loaded;
    const age = loaded === null ? Infinity : performance.now() - loaded.at;
    if (loaded !== null && age <= (maxAgeMs ?? refreshMs)) return loaded;
    this.#loading ??= this.#load().finally(() => (this.#loading = null));
    if (loaded === null) return this.#loading;
    // MongoDB away: the keys at hand open everything they opened before.
    const again = this.#loading.catch(() => loaded);
    return maxAgeMs === undefined && loaded.documents.length > 0 && age < Infinity ? loaded : again;
  }

  async #load(): Promise<Loaded> {
    const { database, purposes } = this.#parts;
    const at = performance.now();
    const { documents, now } = await readWrappedKeys(database);
    const mine = documents.filter(({ purpose }) => purposes.includes(purpose));
    this.#loaded = { documents: mine, offsetMs: now - at, at };
    for (const document of mine) {
      // Unwrapped long before it is needed; whoever needs it now asks again and learns of a failure.
      if (!this.#keys.has(document._id)) this.#unwrap(document).catch(() => undefined);
    }
    return this.#loaded;
  }

  async #unwrapped(document: WrappedKeyDocument): Promise<CryptoKey> {
    const { timeoutMs } = this.#parts;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#unavailable(document._id, 'in time')), timeoutMs);
    });
    try {
      return await Promise.race([this.#unwrap(document), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #unwrap(document: WrappedKeyDocument): Promise<CryptoKey> {
    const { _id: kid } = document;
    const running = this.#unwrapping.get(kid);
    if (running !== undefined) return running;
    const unwrapping = this.#askKms(document).finally(() => this.#unwrapping.delete(kid));
    this.#unwrapping.set(kid, unwrapping);
    return unwrapping;
  }

  async #askKms({ _id: kid, purpose, wrapped, keyRef }: WrappedKeyDocument): Promise<CryptoKey> {
    let raw: Uint8Array;
    try {
      const bytes = Uint8Array.from(Buffer.from(wrapped, 'base64url'));
      const context = this.contextOf(kid, purpose);
      raw = await this.#parts.kms.unwrap({ wrapped: bytes, keyRef }, context);
    } catch {
      // What a client throws may quote the answer.
      throw this.#unavailable(kid, '');
    }
    try {
      if (raw.length !== KEY_BYTES) throw this.#unavailable(kid, 'to 32 bytes');
      const usages = ['wrapKey', 'unwrapKey'] as const;
      const bytes = Uint8Array.from(raw);
      const key = await crypto.subtle.importKey('raw', bytes, 'AES-KW', false, [...usages]);
      bytes.fill(0);
      this.#keys.set(kid, key);
      return key;
    } finally {
      raw.fill(0);
    }
  }

  #unavailable(kid: string, how: string): StoreError {
    const detail = `The KMS (${this.#parts.kms.id}) did not unwrap the key ${kid} ${how}`.trimEnd();
    return new StoreError('key_unavailable', `${detail}.`);
  }
}
