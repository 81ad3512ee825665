import { runCli } from '../../src/cli/run-cli.js';

/** What a command did. */
export interface Ran {
  exitStatus: number;
  stdout: string;
  stderr: string;
  /** Standard output as JSON. */
  json: <T = Record<string, unknown>>() => T;
  /** Standard error as JSON. */
  error: () => { type: string; message: string; final: boolean; retryAt: string | null };
}

/** Runs a command inside the test's process, with an environment and standard input of its own. */
export async function run(argv: string[], env: NodeJS.ProcessEnv, stdin = ''): Promise<Ran> {
  const written = { stdout: '', stderr: '' };
  const exitStatus = await runCli({
    argv,
    env,
    stdin: (async function* () {
      yield stdin;
    })(),
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
  });
  return {
    exitStatus,
    ...written,
    json: <T>() => JSON.parse(written.stdout) as T,
    error: () => JSON.parse(written.stderr) as ReturnType<Ran['error']>,
  };
}

/** Nothing listens there. */
export const NOWHERE = '127.0.0.1:9';
