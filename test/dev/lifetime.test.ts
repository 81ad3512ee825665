import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { createLifetime } from '../../dev/servers/lifetime.js';

describe('createLifetime', () => {
  it('stops the newest first and waits for each', async () => {
    const lifetime = createLifetime();
    const order: string[] = [];
    for (const name of ['mongod', 'temporal', 'worker']) {
      lifetime.onExit(async () => {
        order.push(`${name} stops`);
        await Promise.resolve();
        order.push(`${name} stopped`);
      });
    }
    await lifetime.stopAll();
    expect(order).toEqual([
      ...['worker stops', 'worker stopped'],
      ...['temporal stops', 'temporal stopped'],
      ...['mongod stops', 'mongod stopped'],
    ]);
  });

  it('stops each thing once however often it is asked', async () => {
    const lifetime = createLifetime();
    const stop = vi.fn();
    lifetime.onExit(stop);
    await Promise.all([lifetime.stopAll(), lifetime.stopAll()]);
    await lifetime.stopAll();
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('stops the others when one fails, and reports it', async () => {
    const lifetime = createLifetime();
    const stop = vi.fn();
    lifetime.onExit(stop);
    lifetime.onExit(() => Promise.reject(new Error('stuck')));
    expect(await lifetime.stopAll()).toEqual([new Error('stuck')]);
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('forgets what was stopped before the end', async () => {
    const lifetime = createLifetime();
    const stop = vi.fn();
    const forget = lifetime.onExit(stop);
    forget();
    await lifetime.stopAll();
    expect(stop).not.toHaveBeenCalled();
  });

  it('stops at once what is started after the end', async () => {
    const lifetime = createLifetime();
    await lifetime.stopAll();
    const stop = vi.fn();
    lifetime.onExit(stop);
    await lifetime.stopAll();
    expect(stop).toHaveBeenCalledTimes(1);
  });
});

/** Runs `lifetime-command.ts` until it has started its child, and ends it in one way. */
async function runCommandUntil(ending: string): Promise<{
  status: number | null;
  child: number;
  folder: string;
}> {
  const script = fileURLToPath(new URL('./lifetime-command.ts', import.meta.url));
  const command = spawn(process.execPath, ['--import', 'tsx', script, ending], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const [line] = (await once(command.stdout, 'data')) as [Buffer];
  const started = JSON.parse(line.toString()) as { child: number; folder: string };
  expect(isRunning(started.child)).toBe(true);
  const rest = text(command.stdout);
  command.stdin.end();
  if (ending.startsWith('SIG')) command.kill(ending as NodeJS.Signals);
  const [status] = (await once(command, 'exit')) as [number | null];
  await rest;
  return { status, ...started };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.concurrent('a command that started a server', () => {
  it.each([
    ['success', 0],
    ['failure', 1],
    ['uncaught', 1],
    ['exit', 3],
    ['SIGINT', 0],
    ['SIGTERM', 0],
    ['SIGKILL', null],
  ])('leaves neither the server nor its folder behind after %s', async (ending, status) => {
    const result = await runCommandUntil(ending);
    expect(result.status).toBe(status);
    await vi.waitFor(
      () => {
        expect(isRunning(result.child)).toBe(false);
        expect(existsSync(result.folder)).toBe(false);
      },
      { timeout: 5_000 },
    );
  });
});
