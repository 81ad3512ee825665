import { spawn } from 'node:child_process';
import { guardProcess } from './guard.js';

/** A program to run to its end. */
export interface CommandInput {
  command: string;
  args: string[];
  /** Working directory; by default this process's. */
  cwd?: string;
  /** Added to this process's environment. */
  environment?: Record<string, string>;
  /** Ends the program early. */
  signal?: AbortSignal;
}

/** How a program ended. */
export interface CommandResult {
  /** Exit status, or null if it was killed or could not be started. */
  status: number | null;
  /** The end of what it wrote to stdout and stderr, in order. */
  output: string;
}

const OUTPUT_LIMIT = 20_000;

/** Runs a program to its end. It does not throw for a program that fails or does not exist. */
export function runCommand(input: CommandInput): Promise<CommandResult> {
  return new Promise((resolve) => {
    // A group of its own, so that ending it also ends what it started (compilers, for instance).
    const child = spawn(input.command, input.args, {
      cwd: input.cwd,
      env: { ...process.env, ...input.environment },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { pid } = child;
    const release = pid === undefined ? () => undefined : guardProcess(pid);
    const end = (): void => {
      if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      process.kill(-pid, 'SIGKILL');
    };
    if (input.signal?.aborted === true) end();
    input.signal?.addEventListener('abort', end, { once: true });

    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-OUTPUT_LIMIT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const finish = (status: number | null): void => {
      input.signal?.removeEventListener('abort', end);
      release();
      resolve({ status, output: output.trim() });
    };
    child.on('error', (error) => {
      output += error.message;
      finish(null);
    });
    child.on('close', finish);
  });
}

/** The last line a program wrote that says something, for a message of one line. */
export function lastLine(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return lines.at(-1)?.trim() ?? 'no output';
}
