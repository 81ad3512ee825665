import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { guardProcess } from './guard.js';
import { onExit } from './lifetime.js';
import { waitUntilFree } from './ports.js';

/** A server program to start. */
export interface ServerProcessInput {
  /** For messages: `mongod`. */
  name: string;
  command: string;
  args: string[];
  /** The ports it listens on; waited for until they are free. */
  ports: number[];
  /** Where its output goes; a file, because a pipe would break when this process is killed. */
  logFile: string;
  /** What the lines look like that tell why it failed, if it writes much else. */
  errorLine?: RegExp;
}

/** A running server program. */
export interface ServerProcess {
  pid: number;
  /** Null while it runs, then how it ended: `exit status 1`, `SIGKILL`. */
  ended(): string | null;
  /** What it wrote that tells why it failed: the lines that look like it, or the end. */
  log(): Promise<string>;
  /** Ends it: SIGTERM, then SIGKILL if it does not go. Fine if it has ended already. */
  stop(): Promise<void>;
}

const GRACE_MS = 8_000;
const LOG_LIMIT = 2_000;

async function readLog({ logFile, errorLine }: ServerProcessInput): Promise<string> {
  const written = await readFile(logFile, 'utf8');
  const errors = written.split('\n').filter((line) => errorLine?.test(line));
  return (errors.length > 0 ? errors.join('\n') : written).slice(-LOG_LIMIT).trim();
}

/**
 * Starts a server program that is stopped at the end of the command at the latest.
 * @throws Error if a port stays in use or the program cannot be run
 */
export async function startServerProcess(input: ServerProcessInput): Promise<ServerProcess> {
  await Promise.all(input.ports.map(waitUntilFree));
  const log = openSync(input.logFile, 'a');
  // Detached: a Ctrl-C in the terminal must reach the command alone, which stops its servers in
  // the right order, newest first.
  const child = spawn(input.command, input.args, { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  let end: string | null = null;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (status, signal) => {
      end = signal ?? `exit status ${status ?? 'unknown'}`;
      resolve();
    });
  });
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${input.name} has no process id`);

  const release = guardProcess(pid);
  let stopping: Promise<void> | null = null;
  const stopNow = async (): Promise<void> => {
    if (end !== null) return;
    child.kill('SIGTERM');
    const grace = new AbortController();
    const killLater = sleep(GRACE_MS, null, { signal: grace.signal }).then(
      () => child.kill('SIGKILL'),
      () => false,
    );
    await ended;
    grace.abort();
    await killLater;
  };
  const stop = (): Promise<void> => (stopping ??= stopNow());
  const forget = onExit(stop);
  void ended.then(() => {
    forget();
    release();
  });
  return {
    pid,
    ended: () => end,
    log: () => readLog(input),
    stop,
  };
}
