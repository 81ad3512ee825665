import { randomUUID } from 'node:crypto';
import { open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Who holds a lock file. */
interface Holder {
  /** Process id, meaningful on `host` only. */
  pid: number;
  host: string;
  /** Tells two locks of the same process apart. */
  id: string;
}

/** How a lock is waited for; the defaults suit a build of minutes. */
export interface LockOptions {
  /** Called once if somebody else holds the lock; gets the process id that does. */
  onWait?: (pid: number) => void;
  /** How often the holder shows that it is alive, and a waiter looks again. Milliseconds. */
  beatMs?: number;
  /** Without a sign of life for this long the holder counts as dead. Milliseconds. */
  staleMs?: number;
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return null; // Gone, or just being written: the next look will tell.
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function isStale(path: string, holder: Holder | null, staleMs: number): Promise<boolean> {
  if (holder?.host === hostname() && !isRunning(holder.pid)) return true;
  // Another host, another container, or a process id that was given out again: the beat decides.
  const modifiedAt = await stat(path).then(
    (found) => found.mtimeMs,
    () => null,
  );
  return modifiedAt !== null && Date.now() - modifiedAt > staleMs;
}

async function tryAcquire(path: string, holder: Holder): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(JSON.stringify(holder));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Takes a dead holder's lock file away. Only whoever holds the second file may, so that between its
 * look and the removal nobody else can have taken the lock over.
 */
async function removeStale(path: string, staleMs: number): Promise<void> {
  const gate = `${path}.takeover`;
  if (!(await isCreated(gate))) {
    // Its holder died in the few milliseconds it is held.
    if (await isStale(gate, null, staleMs)) await rm(gate, { force: true });
    return;
  }
  try {
    if (await isStale(path, await readHolder(path), staleMs)) await rm(path, { force: true });
  } finally {
    await rm(gate, { force: true });
  }
}

async function isCreated(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Runs an action while no other process runs one under the same lock file.
 * The lock of a process that died, or shows no sign of life, is taken over.
 * @param path - the lock file; its folder exists
 */
export async function withLock<T>(
  path: string,
  options: LockOptions,
  action: () => Promise<T>,
): Promise<T> {
  const { onWait, beatMs = 500, staleMs = 15_000 } = options;
  const mine: Holder = { pid: process.pid, host: hostname(), id: randomUUID() };
  let waited = false;
  while (!(await tryAcquire(path, mine))) {
    const holder = await readHolder(path);
    if (await isStale(path, holder, staleMs)) {
      await removeStale(path, staleMs);
      continue;
    }
    if (!waited && holder !== null) onWait?.(holder.pid);
    waited ||= holder !== null;
    await sleep(beatMs);
  }
  const beat = setInterval(() => {
    const now = new Date();
    // If it was taken over there is nothing to touch, and the result is published atomically anyway.
    utimes(path, now, now).catch(() => undefined);
  }, beatMs);
  try {
    return await action();
  } finally {
    clearInterval(beat);
    if ((await readHolder(path))?.id === mine.id) await rm(path, { force: true });
  }
}
