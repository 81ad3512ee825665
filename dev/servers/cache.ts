import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { guardFolder } from './guard.js';
import { withLock } from './lock.js';
import type { Progress } from './progress.js';

/**
 * The folder that keeps built and downloaded server binaries between runs:
 * `$XDG_CACHE_HOME/temporal-oauth-tokens`, by default under `~/.cache`.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const configured = environment['XDG_CACHE_HOME'];
  // The XDG specification says that a relative path is to be ignored.
  const base = configured !== undefined && isAbsolute(configured) ? configured : null;
  return join(base ?? join(homedir(), '.cache'), 'temporal-oauth-tokens');
}

/** Names a cached binary by its version and machine, so that a new version is made anew. */
export function cacheName(program: string, version: string): string {
  return `${program}-${version}-${process.platform}-${process.arch}`;
}

/** The path of a cached binary, or null if there is none. */
export async function findCached(name: string): Promise<string | null> {
  const path = join(cacheFolder(), name);
  return access(path, constants.X_OK).then(
    () => path,
    () => null,
  );
}

/**
 * Makes a binary's files in a work folder and moves the binary into the cache in one step, so that
 * nobody ever sees half of it.
 * @param make - puts the files into the folder it gets and returns the binary's path in it
 * @returns the path in the cache
 */
export async function publish(
  name: string,
  make: (workFolder: string) => Promise<string>,
): Promise<string> {
  await mkdir(cacheFolder(), { recursive: true });
  const workFolder = await mkdtemp(join(cacheFolder(), `${name}.making-`));
  const release = guardFolder(workFolder);
  try {
    const made = await make(workFolder);
    await chmod(made, 0o755);
    const path = join(cacheFolder(), name);
    await rename(made, path);
    return path;
  } finally {
    await rm(workFolder, { recursive: true, force: true });
    release();
  }
}

/** Removes work folders of makers that died; only while holding the program's lock. */
async function removeLeftovers(program: string): Promise<void> {
  for (const name of await readdir(cacheFolder())) {
    if (!name.startsWith(`${program}-`) || !name.includes('.making-')) continue;
    await rm(join(cacheFolder(), name), { recursive: true, force: true });
  }
}

/**
 * Runs an action that may fill the cache for a program, in one process at a time: two first runs
 * at once make the binary once, and the second one waits.
 */
export async function withCacheLock<T>(
  program: string,
  progress: Progress,
  action: () => Promise<T>,
): Promise<T> {
  await mkdir(cacheFolder(), { recursive: true });
  const onWait = (pid: number): void =>
    progress(`${program}: process ${pid} is getting it already; waiting for that`);
  return withLock(join(cacheFolder(), `${program}.lock`), { onWait }, async () => {
    await removeLeftovers(program);
    return action();
  });
}
