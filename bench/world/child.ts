import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { guardProcess } from '../../dev/servers/guard.js';
import { onExit } from '../../dev/servers/lifetime.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A process of a bench, which speaks in lines. */
export interface Child {
  pid: number;
  /** Sends a line and waits for the line that answers it. */
  ask(line: string): Promise<string>;
  /** Ends it and waits. Safe to call again. */
  stop(): Promise<void>;
}

/** How a process is started. */
export interface ChildOptions {
  args?: string[];
  env?: NodeJS.ProcessEnv;
  /** Options of Node, such as `--expose-gc`. */
  nodeOptions?: string[];
}

/**
 * Starts a file of this repository as a process and waits for a line with `ready`.
 *
 * @returns the process and that line
 */
export async function startChild(
  file: string,
  { args = [], env = process.env, nodeOptions = [] }: ChildOptions = {},
): Promise<{ child: Child; readyLine: string }> {
  const loader = file.endsWith('.ts') ? ['--import', 'tsx'] : [];
  const spawned = spawn(process.execPath, [...nodeOptions, ...loader, file, ...args], {
    ...{ cwd: ROOT, env, stdio: ['pipe', 'pipe', 'inherit'] as const, detached: true },
  });
  if (spawned.pid !== undefined) guardProcess(spawned.pid);
  const stop = (): Promise<void> => end(spawned);
  onExit(stop);
  const lines = createInterface({ input: spawned.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const line = (await lines.next()) as IteratorResult<string, undefined>;
    if (line.value === undefined) throw new Error(`${file} ended; its messages are above.`);
    return line.value;
  };
  let readyLine = await next();
  while (!readyLine.includes('ready')) readyLine = await next();
  const child: Child = {
    pid: spawned.pid ?? 0,
    async ask(line) {
      spawned.stdin.write(`${line}\n`);
      return next();
    },
    stop,
  };
  return { child, readyLine };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'close');
}
