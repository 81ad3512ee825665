import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLine, runCommand } from './command.js';

/** A download that a library does, run as a process that can be given up on. */
export interface OfficialDownloadInput {
  /** Script beside this file that downloads into the folder in its first argument. */
  script: string;
  /** Where the download goes. */
  folder: string;
  /** Further arguments of the script. */
  args: string[];
  environment?: Record<string, string>;
}

/** No byte for this long: the network does not let us, and waiting longer helps nobody. */
const STALL_MS = 10_000;
const LOOK_MS = 500;

/** The end of a chain of reasons, which is where the libraries say what happened. */
function innermost(reason: string): string {
  return reason.split(': ').at(-1) ?? reason;
}

async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true });
  const sizes = entries.map((entry) =>
    stat(join(folder, entry)).then(
      (found) => found.size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/**
 * Downloads with a vendor's own library, in a process of its own: it can be ended when no byte
 * arrives, and its native parts stay out of this process.
 * @throws Error with the library's reason, or that nothing arrived
 */
export async function officialDownload(input: OfficialDownloadInput): Promise<void> {
  const stalled = new AbortController();
  let bytes = 0;
  let changedAt = Date.now();
  const look = async (): Promise<void> => {
    const now = await bytesIn(input.folder);
    if (now !== bytes) changedAt = Date.now();
    bytes = now;
    if (Date.now() - changedAt > STALL_MS) stalled.abort();
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  try {
    const { status, output } = await runCommand({
      command: process.execPath,
      args: [fileURLToPath(new URL(input.script, import.meta.url)), input.folder, ...input.args],
      signal: stalled.signal,
      ...(input.environment && { environment: input.environment }),
    });
    if (stalled.signal.aborted) throw new Error(`no data for ${STALL_MS / 1_000} s`);
    if (status !== 0) throw new Error(innermost(lastLine(output)));
  } finally {
    clearInterval(timer);
  }
}
