import { join } from 'node:path';
import { temporaryFolder } from './data-folder.js';
import { waitUntilReady } from './readiness.js';
import { startServerProcess } from './server-process.js';

/** A server to start and to wait for. */
export interface StartServerInput {
  /** For messages: `mongod`. */
  name: string;
  command: string;
  /** Arguments, given a temporary folder that is removed when the server is stopped. */
  args: (temporaryPath: string) => string[];
  /** The ports it listens on. */
  ports: number[];
  /** What the lines of its log look like that tell why it failed. */
  errorLine?: RegExp;
  /** Uses the server for real; throws as long as it cannot be used. */
  check: () => Promise<void>;
}

/** A server that can be used. */
export interface StartedServer {
  pid: number;
  /** Ends it and removes its temporary folder. Safe to call again, and after it was killed. */
  stop: () => Promise<void>;
}

const READY_TIMEOUT_MS = 30_000;
/** One that runs already needs no time to start. */
const EXTERNAL_TIMEOUT_MS = 5_000;

/**
 * Starts a server and waits until it can be used. If that fails, nothing of it is left.
 * @throws Error with the reason and the end of the server's log
 */
export async function startServer(input: StartServerInput): Promise<StartedServer> {
  const { name, command, ports, errorLine, check } = input;
  const folder = await temporaryFolder(name);
  try {
    const server = await startServerProcess({
      name,
      command,
      args: input.args(folder.path),
      ports,
      logFile: join(folder.path, 'server.log'),
      ...(errorLine && { errorLine }),
    });
    await waitUntilReady({ name, check, process: server, timeoutMs: READY_TIMEOUT_MS });
    const stop = async (): Promise<void> => {
      await server.stop();
      await folder.remove();
    };
    return { pid: server.pid, stop };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

/**
 * Waits until a server that somebody else runs can be used.
 * @throws Error with the reason
 */
export function waitForExternal(name: string, check: () => Promise<void>): Promise<void> {
  return waitUntilReady({ name, check, process: null, timeoutMs: EXTERNAL_TIMEOUT_MS });
}
