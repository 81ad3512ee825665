import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a process has used. */
export interface ProcessUsage {
  /** Resident memory, in bytes. */
  memory: number;
  /** Processor time so far, in seconds. */
  cpuS: number;
}

/** Asks the system, with `ps`. */
export async function usageOf(pid: number): Promise<ProcessUsage> {
  const { stdout } = await run('ps', ['-o', 'rss=,time=', '-p', String(pid)]);
  const [rss = '', time = ''] = stdout.trim().split(/\s+/);
  return { memory: Number(rss) * 1_024, cpuS: seconds(time) };
}

/** `[DD-]HH:MM:SS` as seconds. */
function seconds(time: string): number {
  const [days, clock = ''] = time.includes('-') ? time.split('-') : ['0', time];
  const parts = clock.split(':').map(Number);
  return parts.reduce((sum, part) => sum * 60 + part, 0) + Number(days) * 86_400;
}
