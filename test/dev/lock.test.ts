import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../dev/servers/lock.js';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(folder, 'program.lock');
});
afterEach(() => rm(folder, { recursive: true }));

/** A process id that belonged to a process which has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

describe('withLock', () => {
  it('runs one action at a time', async () => {
    let running = 0;
    let most = 0;
    const action = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await sleep(20);
      running -= 1;
    };
    await Promise.all([1, 2, 3, 4].map(() => withLock(path, { beatMs: 5 }, action)));
    expect(most).toBe(1);
  });

  it('says once whom it waits for', async () => {
    const waits: number[] = [];
    const first = withLock(path, {}, () => sleep(100));
    await sleep(20);
    await withLock(path, { beatMs: 10, onWait: (pid) => waits.push(pid) }, async () => undefined);
    await first;
    expect(waits).toEqual([process.pid]);
  });

  it('lets go when the action fails', async () => {
    await expect(withLock(path, {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(withLock(path, {}, async () => 'next')).resolves.toBe('next');
  });

  it('takes over the lock of a process that died', async () => {
    await writeFile(path, JSON.stringify({ pid: deadPid(), host: hostname(), id: 'dead' }));
    const startedAt = Date.now();
    await expect(withLock(path, {}, () => readFile(path, 'utf8'))).resolves.toContain(
      `"pid":${process.pid}`,
    );
    expect(Date.now() - startedAt).toBeLessThan(1_000);
  });

  it('takes over a lock without a sign of life, of whatever host', async () => {
    await writeFile(path, JSON.stringify({ pid: 1, host: 'elsewhere', id: 'silent' }));
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(path, longAgo, longAgo);
    await expect(withLock(path, {}, async () => 'mine')).resolves.toBe('mine');
  });

  it('lets several waiters take a dead lock over one after the other', async () => {
    await writeFile(path, JSON.stringify({ pid: deadPid(), host: hostname(), id: 'dead' }));
    let running = 0;
    const action = async (): Promise<number> => {
      running += 1;
      const seen = running;
      await sleep(10);
      running -= 1;
      return seen;
    };
    const all = await Promise.all([1, 2, 3].map(() => withLock(path, { beatMs: 5 }, action)));
    expect(all).toEqual([1, 1, 1]);
  });

  it('keeps a lock whose holder is busy for longer than the limit', async () => {
    const options = { beatMs: 10, staleMs: 60 };
    const order: string[] = [];
    const first = withLock(path, options, async () => {
      await sleep(200);
      order.push('first');
    });
    await sleep(20);
    await withLock(path, options, async () => void order.push('second'));
    await first;
    expect(order).toEqual(['first', 'second']);
  });
});
