import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** Tells the guard that a process or folder is gone or has been dealt with. */
export type Release = () => void;

let pipe: Socket | null = null;

/**
 * Opens the pipe to this process's guard, starting the guard the first time.
 * Neither the guard nor the pipe keeps this process alive.
 */
function guardPipe(): Socket {
  if (pipe !== null) return pipe;
  const script = fileURLToPath(new URL('./guard-process.js', import.meta.url));
  // Detached, so that a Ctrl-C in the terminal reaches the command and not its guard.
  const guard = spawn(process.execPath, [script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
  });
  guard.unref();
  // A pipe to a child is a socket at run time; the types only know that it can be written to.
  pipe = guard.stdin as unknown as Socket;
  pipe.unref();
  // Without a guard the ordinary stopping still works, so its loss is no reason to fail.
  guard.on('error', () => undefined);
  pipe.on('error', () => undefined);
  return pipe;
}

function watch(entry: string): Release {
  const to = guardPipe();
  to.write(`+${entry}\n`);
  let released = false;
  return () => {
    if (released) return;
    released = true;
    to.write(`-${entry}\n`);
  };
}

/**
 * Makes sure that a process group does not outlive this process, even one killed with SIGKILL.
 * @param pid - id of a child that was spawned `detached`, which makes it the leader of its group
 */
export function guardProcess(pid: number): Release {
  return watch(`p ${pid}`);
}

/** Makes sure that a temporary folder does not outlive this process. */
export function guardFolder(path: string): Release {
  return watch(`f ${path}`);
}
