import { spawn } from 'node:child_process';

const OPENERS: Partial<Record<NodeJS.Platform, [command: string, ...args: string[]]>> = {
  darwin: ['open'],
  // `start` takes its first quoted argument for a title.
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

const TELLS_SOON_MS = 2_000;

/**
 * Has the desktop open a URL.
 *
 * @param url - other users of the machine see it among the processes: no secret that works twice
 * @returns false when there is no desktop, or it does not know how
 */
export async function openBrowser(url: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  return new Promise((resolve) => {
    const child = spawn(command, [...args, url], {
      ...{ env: environment, stdio: 'ignore', detached: true },
    });
    // A browser that is not running yet may stay in the foreground of its opener.
    const timer = setTimeout(() => resolve(true), TELLS_SOON_MS);
    const tell = (opened: boolean): void => {
      clearTimeout(timer);
      resolve(opened);
    };
    child.once('error', () => tell(false));
    child.once('exit', (status) => tell(status === 0));
    child.unref();
  });
}
