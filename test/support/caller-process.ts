import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TokenSystem } from './token-system.js';

const CALLER = fileURLToPath(new URL('./caller.ts', import.meta.url));

/** What one process of callers saw. */
export interface CallersReport {
  served: number;
  failures: string[];
  generations: number[];
  ms: number;
}

/** Starts a process with many callers; they all begin when `go` is called. */
export async function startCallers(
  system: TokenSystem,
  connectionId: string,
  count: number,
): Promise<{ go: () => Promise<CallersReport> }> {
  const child = spawn(process.execPath, ['--import', 'tsx', CALLER, connectionId, String(count)], {
    env: system.environment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    async go() {
      child.stdin.end('go\n');
      const { value } = (await lines.next()) as { value: string };
      return JSON.parse(value) as CallersReport;
    },
  };
}
