/** What an operator does to a key file, without the ten minutes a new key waits. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { readKeyFile, type KeyPurpose } from '../../src/store/index.js';
import { testKey } from '../store/keys.js';

/** Ids of keys, by purpose. */
export type Kids = Record<KeyPurpose, string>;

let added = 0;

/** Adds keys that are active at once; returns their ids. */
export async function addActiveKeys(path: string): Promise<Kids> {
  added += 1;
  const { keys } = await readKeyFile(path);
  const activeFrom = new Date().toISOString();
  const kids = { access: `access-added-${added}`, grant: `grant-added-${added}` };
  const more = [
    testKey(kids.access, 'access', activeFrom),
    testKey(kids.grant, 'grant', activeFrom),
  ];
  await write(path, [...keys, ...more]);
  return kids;
}

/** The file without some keys. */
export async function removeKeys(path: string, kids: string[]): Promise<void> {
  const { keys } = await readKeyFile(path);
  await write(
    path,
    keys.filter(({ kid }) => !kids.includes(kid)),
  );
}

/** Copies a key file, for a process that does not see changes of the original. */
export async function copyKeyFile(from: string, to: string): Promise<string> {
  await writeFile(to, await readFile(from), { mode: 0o600 });
  return to;
}

async function write(path: string, keys: unknown[]): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify({ keys }), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
