/** A token worker as users run it: a process of its own, started by the command. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY = /^worker ready.*$/m;

/** A running token worker process. */
export interface WorkerProcess {
  pid: number;
  /** The line it printed when it was ready. */
  readyLine: string;
  /** Everything it printed so far. */
  stdout(): string;
  stderr(): string;
  /** Sends a signal and waits until the process has ended. */
  end(signal: NodeJS.Signals): Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
}

/**
 * Starts a token worker process and waits until it is ready.
 *
 * @param environment - of the process, as `TokenSystem.environment` makes it
 * @throws Error with what the process printed when it ends before
 */
export async function startWorkerProcess(environment: NodeJS.ProcessEnv): Promise<WorkerProcess> {
  const args = ['--import', 'tsx', 'src/cli/main.ts', 'worker'];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killWithTests = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithTests);
  const ended = new Promise<{ status: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (status, signal) => {
      process.removeListener('exit', killWithTests);
      resolve({ status, signal });
    });
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ready = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const line = READY.exec(stdout)?.[0];
      if (line !== undefined) resolve(line);
    });
  });
  const readyLine = await Promise.race([ready, ended.then(() => null)]);
  if (readyLine === null || child.pid === undefined) {
    throw new Error(`The worker process ended before it was ready.\n${stdout}${stderr}`);
  }
  return {
    pid: child.pid,
    readyLine,
    stdout: () => stdout,
    stderr: () => stderr,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}
