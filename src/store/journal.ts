import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from './errors.js';
import type { Parent } from './token-attempts.js';
import type { TokenSet } from './token-commit.js';

/** A sealed answer on its way to MongoDB. */
export interface JournalEntry {
  parent: Parent;
  /** Sealed for the generation after the parent's. */
  tokens: Omit<TokenSet, 'elapsedMs'>;
}

/** Enough for a token set of usual size, so that a full disk is met before anything is sent. */
const RESERVED_BYTES = 32 * 1024;
const SUFFIX = '.attempt';
const ATTEMPT_ID = /^[0-9a-f-]{36}$/;
/** A reservation that is this old belongs to nobody: no attempt lasts so long. */
const ABANDONED_MS = 3_600_000;

/**
 * Sealed answers of token requests on the worker's own disk, between their arrival and their commit:
 * a worker that is killed meanwhile commits them when it starts again. One file an attempt, mode
 * 0600, named by the attempt's id; what it holds is what MongoDB would hold.
 */
export class Journal {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Opens a journal; the folder is made if it is missing (mode 0700).
   *
   * @throws StoreError `unavailable` when it cannot be written
   */
  static async open(folder: string): Promise<Journal> {
    const journal = new Journal(folder);
    await unlessUnavailable('be opened', () => mkdir(folder, { recursive: true, mode: 0o700 }));
    const probe = randomUUID();
    await journal.reserve(probe);
    await journal.release(probe);
    return journal;
  }

  /**
   * Takes the space an answer needs, before the request is sent.
   *
   * @throws StoreError `unavailable` when there is none
   */
  async reserve(attemptId: string): Promise<void> {
    await unlessUnavailable('be written', async () => {
      try {
        await this.#put(attemptId, Buffer.alloc(RESERVED_BYTES), 'wx');
        await this.#syncFolder();
      } catch (error) {
        await this.release(attemptId);
        throw error;
      }
    });
  }

  /**
   * Keeps a sealed answer; on the disk when this returns.
   *
   * @throws StoreError `unavailable`
   */
  async write(attemptId: string, entry: JournalEntry): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    await unlessUnavailable('be written', () => this.#put(attemptId, line, 'r+'));
  }

  /** The sealed answer of an attempt; null: there is none, or not all of it. */
  async read(attemptId: string): Promise<JournalEntry | null> {
    if (!ATTEMPT_ID.test(attemptId)) return null;
    return unlessUnavailable('be read', async () => {
      const handle = await openIfThere(this.#pathOf(attemptId));
      if (handle === null) return null;
      try {
        return entryOf(await handle.readFile('utf8'));
      } finally {
        await handle.close();
      }
    });
  }

  /** Forgets an attempt. Safe to repeat. */
  async release(attemptId: string): Promise<void> {
    if (!ATTEMPT_ID.test(attemptId)) return;
    // What is left is committed again, which changes nothing.
    await unlink(this.#pathOf(attemptId)).catch(() => undefined);
  }

  /**
   * Ids of the attempts that are kept. Abandoned reservations are removed on the way.
   *
   * @param now - the time of day in milliseconds, for the age of files
   * @throws StoreError `unavailable`
   */
  async list(now: number): Promise<string[]> {
    const names = await unlessUnavailable('be read', () => readdir(this.#folder));
    const ids = names
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => name.slice(0, -SUFFIX.length))
      .filter((id) => ATTEMPT_ID.test(id));
    const kept: string[] = [];
    for (const id of ids) {
      if ((await this.read(id)) !== null) kept.push(id);
      else if (await this.#isOlderThan(id, now - ABANDONED_MS)) await this.release(id);
    }
    return kept;
  }

  async #put(attemptId: string, content: Buffer, flags: 'wx' | 'r+'): Promise<void> {
    const handle = await open(this.#pathOf(attemptId), flags, 0o600);
    try {
      await handle.write(content, 0, content.length, 0);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  /** The name of a new file is on the disk only when its folder is. */
  async #syncFolder(): Promise<void> {
    const handle = await open(this.#folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async #isOlderThan(attemptId: string, time: number): Promise<boolean> {
    try {
      return (await stat(this.#pathOf(attemptId))).mtimeMs < time;
    } catch {
      return false;
    }
  }

  #pathOf(attemptId: string): string {
    return join(this.#folder, `${attemptId}${SUFFIX}`);
  }
}

async function openIfThere(path: string) {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** A line that ends, and what comes after it is the rest of the reservation. */
function entryOf(text: string): JournalEntry | null {
  const end = text.indexOf('\n');
  if (end < 0 || text.startsWith('\0')) return null;
  try {
    const { parent, tokens } = JSON.parse(text.slice(0, end)) as JournalEntry;
    const { sentAt, readAt } = tokens;
    return { parent, tokens: { ...tokens, sentAt: new Date(sentAt), readAt: new Date(readAt) } };
  } catch {
    return null;
  }
}

/** The system's message names the path, which is the operator's to know and nobody else's. */
async function unlessUnavailable<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const code = systemCodeOf(error) ?? 'unknown error';
    throw new StoreError('unavailable', `The journal of this worker could not ${what} (${code}).`);
  }
}

function systemCodeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string')
    return null;
  return /^E[A-Z0-9]{1,15}$/.test(error.code) ? error.code : null;
}
