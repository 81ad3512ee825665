import { runCommand } from './command.js';

/** Major, minor and patch number. */
export type Version = [number, number, number];

/** Reads the first `x.y` or `x.y.z` that follows a pattern's match, or null. */
export function parseVersion(text: string, before: RegExp): Version | null {
  const match = new RegExp(`${before.source}(\\d+)\\.(\\d+)(?:\\.(\\d+))?`).exec(text);
  if (match === null) return null;
  return [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** Whether a version is the wanted one or newer. */
export function isAtLeast(version: Version, wanted: Version): boolean {
  for (const index of [0, 1, 2] as const) {
    if (version[index] !== wanted[index]) return version[index] > wanted[index];
  }
  return true;
}

/** Asks a program for its version with `--version`, or null if it does not run. */
export async function programVersion(path: string, before: RegExp): Promise<Version | null> {
  const { status, output } = await runCommand({ command: path, args: ['--version'] });
  return status === 0 ? parseVersion(output, before) : null;
}
