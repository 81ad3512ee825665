import type { CryptoKey } from 'jose';
import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { StoreError } from './errors.js';
import type { KeyInfo, KeyProvider, KeyPurpose } from './keys.js';

/** How often the file's time of change is looked at when a key is asked for. */
const RECHECK_MS = 2_000;

const jwkSchema = z.object({
  kty: z.literal('oct'),
  kid: z.string().min(1).max(128),
  k: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes as base64url'),
  purpose: z.enum(['access', 'grant']),
  activeFrom: z.iso.datetime(),
});

/** A key file: a JWK set (RFC 7517 §5) of `oct` keys with `purpose` and `activeFrom`. */
export const keyFileSchema = z.object({
  keys: z.array(jwkSchema).refine(haveDistinctIds, 'must have distinct ids'),
});
export type KeyFile = z.infer<typeof keyFileSchema>;

/** A value names its key by id alone: two keys of one id would open each other's values or nothing. */
function haveDistinctIds(keys: { kid: string }[]): boolean {
  return new Set(keys.map(({ kid }) => kid)).size === keys.length;
}

/**
 * Reads and checks a key file. What is wrong is said by member, without any key material.
 *
 * @throws StoreError `key_unavailable`
 */
export async function readKeyFile(path: string): Promise<KeyFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw new StoreError('key_unavailable', `The key file ${path} cannot be read.`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new StoreError('key_unavailable', `The key file ${path} is not JSON.`);
  }
  const parsed = keyFileSchema.safeParse(json);
  if (!parsed.success) {
    const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
    throw new StoreError('key_unavailable', `The key file ${path} is not a key set: see ${where}.`);
  }
  return parsed.data;
}

/**
 * The newest key of a purpose whose time has come. While there is none it is the oldest: `activeFrom`
 * only delays a key that is to replace another, and a process whose wall clock is behind must start.
 */
export function activeKey(
  file: KeyFile,
  purpose: KeyPurpose,
  now: number,
): KeyFile['keys'][number] | null {
  const keys = file.keys
    .filter((jwk) => jwk.purpose === purpose)
    .sort((a, b) => Date.parse(a.activeFrom) - Date.parse(b.activeFrom));
  return keys.filter((jwk) => Date.parse(jwk.activeFrom) <= now).at(-1) ?? keys[0] ?? null;
}

/** The keys of a file as people and programs may see them. */
export function keyInfos(file: KeyFile, now: number): KeyInfo[] {
  return file.keys.map(({ kid, purpose, activeFrom }) => {
    const active = activeKey(file, purpose, now)?.kid === kid;
    const waits = Date.parse(activeFrom) > now;
    const state = active ? 'active' : waits ? 'created' : 'open-only';
    return { kid, purpose, active, state, activeFrom };
  });
}

interface LoadedKeys {
  /** Of the file that was read. */
  version: string;
  file: KeyFile;
  keys: Map<string, CryptoKey>;
}

/**
 * The built-in {@link KeyProvider}: a JWK set file. The file is read at first use and again when it
 * has changed, so that a new key is taken up without a restart.
 *
 * @param path - the key file, made by `oauth-tokens keys generate`
 * @param onWarning - told once when others than its owner can read the file, and whenever a changed
 *   file cannot be used
 */
export function createFileKeyProvider(
  path: string,
  onWarning: (message: string) => void = () => undefined,
): KeyProvider {
  let loaded: LoadedKeys | null = null;
  let checkedAt = -Infinity;
  let loading: Promise<LoadedKeys> | null = null;
  let warned = false;

  async function load(): Promise<LoadedKeys> {
    const info = await stat(path).catch(() => null);
    if (info !== null && (info.mode & 0o077) !== 0 && !warned) {
      warned = true;
      onWarning(`The key file ${path} can be read by others: chmod 600 it.`);
    }
    checkedAt = performance.now();
    if (loaded !== null && (info === null || versionOf(info) === loaded.version)) return loaded;
    let file: KeyFile;
    try {
      file = await readKeyFile(path);
    } catch (error) {
      // Half written, or broken: the keys at hand open everything they opened before.
      if (loaded === null) throw error;
      onWarning(`${(error as StoreError).message} The keys read before stay in use.`);
      return loaded;
    }
    const keys = new Map<string, CryptoKey>();
    for (const jwk of file.keys) keys.set(jwk.kid, await importKey(jwk.k));
    loaded = { version: versionOf(info), file, keys };
    return loaded;
  }

  async function current(maxAgeMs: number): Promise<LoadedKeys> {
    if (loaded !== null && performance.now() - checkedAt < maxAgeMs) return loaded;
    loading ??= load().finally(() => (loading = null));
    return loading;
  }

  return {
    async active(purpose) {
      const { file, keys } = await current(RECHECK_MS);
      const jwk = activeKey(file, purpose, Date.now());
      const key = jwk === null ? undefined : keys.get(jwk.kid);
      if (jwk === null || key === undefined) {
        throw new StoreError(
          'key_unavailable',
          `The key file ${path} has no active ${purpose} key.`,
        );
      }
      return { kid: jwk.kid, key };
    },
    async get(kid) {
      const { keys } = await current(RECHECK_MS);
      // Somebody seals with it already: the file may have been changed just now.
      return keys.get(kid) ?? (await current(0)).keys.get(kid);
    },
    async list(): Promise<KeyInfo[]> {
      return keyInfos((await current(0)).file, Date.now());
    },
  };
}

/** Tells a changed file, also one that was renamed into its place with the same time. */
function versionOf(info: Stats | null): string {
  return info === null ? '' : `${info.mtimeMs} ${info.ino} ${info.size}`;
}

function importKey(k: string): Promise<CryptoKey> {
  const raw = Buffer.from(k, 'base64url');
  return crypto.subtle.importKey('raw', raw, 'AES-KW', false, ['wrapKey', 'unwrapKey']);
}
