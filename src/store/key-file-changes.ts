import { randomBytes } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { StoreError } from './errors.js';
import { readKeyFile, type KeyFile } from './key-file.js';
import type { KeyPurpose } from './keys.js';

/** Where there are keys, a new one waits so long that a rolling deploy has it everywhere. */
export const PROPAGATION_MS = 10 * 60_000;

/**
 * Adds a key of each purpose to a key file (mode 0600), making the file if there is none. Existing
 * keys stay; the file is replaced as a whole or not at all.
 *
 * @returns the new keys' ids and when they become active
 * @throws StoreError `key_unavailable` when the file is there but is not a key file
 */
export async function generateKeys(path: string): Promise<{ kids: string[]; activeFrom: string }> {
  return withFileLock(path, async () => {
    const exists = (await stat(path).catch(() => null)) !== null;
    const file: KeyFile = exists ? await readKeyFile(path) : { keys: [] };
    const delay = file.keys.length === 0 ? 0 : PROPAGATION_MS;
    const activeFrom = new Date(Date.now() + delay).toISOString();
    const added = (['access', 'grant'] as const).map((purpose) => ({
      kty: 'oct' as const,
      kid: newKid(purpose),
      k: randomBytes(32).toString('base64url'),
      purpose,
      activeFrom,
    }));
    await writeWhole(path, { keys: [...file.keys, ...added] }, exists);
    return { kids: added.map((jwk) => jwk.kid), activeFrom };
  });
}

/** A new id for a key. */
export function newKid(purpose: KeyPurpose): string {
  return `${purpose}-${randomBytes(6).toString('base64url')}`;
}

/** Writes the key file for applications: it opens access tokens only. Never overwrites a file. */
export async function exportAccessKeys(from: string, to: string): Promise<{ kids: string[] }> {
  const file = await readKeyFile(from);
  const keys = file.keys.filter((jwk) => jwk.purpose === 'access');
  await writeWhole(to, { keys }, false);
  return { kids: keys.map((jwk) => jwk.kid) };
}

async function writeWhole(path: string, file: KeyFile, replace: boolean): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(file, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    if (replace) await rename(temporary, path);
    else await link(temporary, path);
  } catch {
    throw new StoreError(
      'key_unavailable',
      `The key file ${path} exists already or cannot be made.`,
    );
  } finally {
    await rm(temporary, { force: true });
  }
}

async function withFileLock<T>(path: string, run: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const handle = await open(lock, 'wx', 0o600).catch(() => {
    throw new StoreError(
      'key_unavailable',
      `${lock} cannot be made: another command changes the key file, one was ended while it did (then delete it), or its folder is not writable.`,
    );
  });
  try {
    return await run();
  } finally {
    await handle.close();
    await rm(lock, { force: true });
  }
}
