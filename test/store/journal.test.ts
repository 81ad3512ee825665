import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal, type JournalEntry } from '../../src/store/journal.js';

let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'journal-')), 'kept');
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

function entry(filler = ''): JournalEntry {
  const sealed = {
    protected: 'p',
    encrypted_key: 'k',
    iv: 'i',
    ciphertext: `c${filler}`,
    tag: 't',
  };
  return {
    parent: { connectionId: 'acme', incarnation: 'aaaaaaaa', epoch: 1, generation: 4 },
    tokens: {
      ...{ state: 'active', invalid: null, access: sealed, grant: sealed, tokenType: 'Bearer' },
      ...{ scope: null, lifetimeMs: 60_000, refreshAheadMs: 12_000, refreshTokenLifetimeMs: null },
      ...{ keepAliveMs: null, sentAfterMs: 3 },
      attemptId: 'attempt',
      sentAt: new Date('2026-01-02T03:04:05.006Z'),
      readAt: new Date('2026-01-02T03:04:04.006Z'),
      ...{ failureType: null, keepsSiblings: true, rotated: 'new_token' },
    },
  };
}

const DAY_MS = 24 * 3_600_000;

describe('the journal', () => {
  it('gives back what was written, times included', async () => {
    const journal = await Journal.open(folder);
    const id = randomUUID();
    await journal.reserve(id);
    expect(await journal.read(id)).toBeNull();
    await journal.write(id, entry());
    expect(await journal.read(id)).toEqual(entry());
    expect(await (await Journal.open(folder)).list(Date.now())).toEqual([id]);
  });

  it('keeps an answer that is larger than the space taken for it', async () => {
    const journal = await Journal.open(folder);
    const id = randomUUID();
    await journal.reserve(id);
    const large = entry('x'.repeat(200_000));
    await journal.write(id, large);
    expect(await journal.read(id)).toEqual(large);
  });

  it('forgets an attempt, and may be asked twice', async () => {
    const journal = await Journal.open(folder);
    const id = randomUUID();
    await journal.reserve(id);
    await journal.write(id, entry());
    await journal.release(id);
    await journal.release(id);
    expect(await journal.list(Date.now())).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is readable by its owner only', async () => {
    const journal = await Journal.open(folder);
    const id = randomUUID();
    await journal.reserve(id);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, `${id}.attempt`))).mode & 0o777).toBe(0o600);
  });

  it('takes no half-written answer for one', async () => {
    const journal = await Journal.open(folder);
    const id = randomUUID();
    const text = JSON.stringify(entry());
    for (const torn of ['', text, text.slice(0, 80), `${text.slice(0, 80)}\n`]) {
      await writeFile(join(folder, `${id}.attempt`), torn);
      expect(await journal.read(id)).toBeNull();
      expect(await journal.list(Date.now())).toEqual([]);
    }
  });

  it('removes reservations of processes that are long gone, and no fresh ones', async () => {
    const journal = await Journal.open(folder);
    const [fresh, old] = [randomUUID(), randomUUID()];
    await journal.reserve(fresh);
    await journal.reserve(old);
    const yesterday = new Date(Date.now() - DAY_MS);
    await utimes(join(folder, `${old}.attempt`), yesterday, yesterday);
    expect(await journal.list(Date.now())).toEqual([]);
    expect(await readdir(folder)).toEqual([`${fresh}.attempt`]);
  });

  it('leaves files alone that are not its own', async () => {
    const journal = await Journal.open(folder);
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await writeFile(join(folder, '..evil.attempt'), 'mine');
    expect(await journal.list(Date.now())).toEqual([]);
    expect((await readdir(folder)).sort()).toEqual(['..evil.attempt', 'notes.txt']);
  });

  it.each(['open', 'reserve'])('says so when it cannot be written (%s)', async (when) => {
    const journal = when === 'reserve' ? await Journal.open(folder) : null;
    await rm(folder, { recursive: true, force: true });
    await writeFile(folder, 'a file in its place');
    const failed = journal === null ? Journal.open(folder) : journal.reserve(randomUUID());
    const error = await failed.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'StoreError', code: 'unavailable' });
    expect(String(error)).toMatch(
      /journal of this worker could not be (opened|written) \(E[A-Z]+\)/,
    );
    expect(String(error)).not.toContain(folder);
  });
});
