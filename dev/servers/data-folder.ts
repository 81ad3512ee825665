import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guardFolder } from './guard.js';
import { onExit } from './lifetime.js';

/** A temporary folder that goes when its user does. */
export interface DataFolder {
  path: string;
  /** Removes the folder and what is in it. */
  remove(): Promise<void>;
}

/** Makes a temporary folder that is removed at the end of the command at the latest. */
export async function temporaryFolder(name: string): Promise<DataFolder> {
  // In a folder of ours, which is easy to look at and to empty by hand.
  const parent = join(tmpdir(), 'temporal-oauth-tokens');
  await mkdir(parent, { recursive: true });
  const path = await mkdtemp(join(parent, `${name}-`));
  const release = guardFolder(path);
  const remove = async (): Promise<void> => {
    await rm(path, { recursive: true, force: true });
    forget();
    release();
  };
  const forget = onExit(remove);
  return { path, remove };
}
