import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A process of a test. */
export interface TestProcess {
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  /** Waits until it has written a text. */
  says(text: string): Promise<void>;
  /** Ends it with SIGTERM and waits; safe to call again. */
  stop(): Promise<number | null>;
}

/** Starts a TypeScript file of this repository as a process. */
export function startProcess(
  file: string,
  args: string[],
  { env, preload = [] }: { env: NodeJS.ProcessEnv; preload?: string[] },
): TestProcess {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const imports = ['tsx', ...preload].flatMap((module) => ['--import', module]);
  const child = spawn(process.execPath, [...imports, file, ...args], { cwd: root, env });
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    async says(text) {
      while (!written.stdout.includes(text) && !written.stderr.includes(text)) {
        if (child.exitCode !== null) throw new Error(`It ended: ${written.stderr}`);
        await sleep(20);
      }
    },
    stop() {
      if (child.exitCode === null) child.kill('SIGTERM');
      return ended;
    },
  };
}
