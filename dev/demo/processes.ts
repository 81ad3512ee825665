/** The demo's own processes: the command line, the token worker and the application's worker. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { guardProcess } from '../servers/guard.js';
import { onExit } from '../servers/lifetime.js';
import { line, paint } from './print.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CLI = 'src/cli/main.ts';

const nodeArguments = (script: string, args: string[]): string[] => [
  '--import',
  'tsx',
  script,
  ...args,
];

/**
 * Runs one `oauth-tokens` command, showing it as a person would type it.
 *
 * @returns what it printed
 * @throws Error when it fails
 */
export async function oauthTokens(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  line(`  ${paint('dim', '$')} ${paint('cyan', `oauth-tokens ${args.join(' ')}`)}`);
  const child = spawn(process.execPath, nodeArguments(CLI, args), {
    ...{ cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] as const },
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  const output = Buffer.concat(chunks).toString('utf8').trimEnd();
  for (const text of output.split('\n')) line(`    ${text}`);
  if (status !== 0) throw new Error(`oauth-tokens ${args[0] ?? ''} ended with status ${status}.`);
  return output;
}

/** Starts `oauth-tokens worker`, the very process that users start, and waits until it is ready. */
export function startTokenWorker(env: NodeJS.ProcessEnv): Promise<string> {
  line(`  ${paint('dim', '$')} ${paint('cyan', 'oauth-tokens worker')}`);
  return startWorker(nodeArguments(CLI, ['worker']), env);
}

/** Starts the application's worker from examples/. */
export function startApplication(env: NodeJS.ProcessEnv): Promise<string> {
  return startWorker(nodeArguments('examples/superservice/worker.ts', []), env);
}

/** Starts `oauth-tokens connect` on a port, and waits until it serves. */
export function startConnectPage(port: number, env: NodeJS.ProcessEnv): Promise<string> {
  line(`  ${paint('dim', '$')} ${paint('cyan', `oauth-tokens connect --port ${port}`)}`);
  return startWorker(nodeArguments(CLI, ['connect', '--port', String(port)]), env);
}

/** Starts a process that says when it is ready; returns that line. */
async function startWorker(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  // In a process group of its own, so that a Ctrl-C reaches the demo, which then stops it in order.
  const child = spawn(process.execPath, args, {
    ...{ cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] as const, detached: true },
  });
  if (child.pid !== undefined) guardProcess(child.pid);
  onExit(() => stop(child));
  for await (const text of createInterface({ input: child.stdout })) {
    if (!/(worker|connect page) ready/.test(text)) continue;
    child.stdout.resume();
    return text;
  }
  throw new Error('A process ended before it was ready; its messages are above.');
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'close');
}
