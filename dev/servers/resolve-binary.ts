import { access, constants, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { findCached, publish, withCacheLock } from './cache.js';
import type { Progress } from './progress.js';
import { isAtLeast, programVersion, type Version } from './version.js';

/** One way to get a binary that is neither on PATH nor in the cache. */
export interface BinarySource {
  /** What is done, for the list of what was tried: `official download`. */
  title: string;
  /** The binary's name in the cache, with its version: see `cacheName`. */
  cachedAs: string;
  /**
   * Puts the binary into the work folder and returns its path there.
   * @throws Error when this way is not open here; the next source is tried then
   */
  make(workFolder: string, progress: Progress): Promise<string>;
}

/** A server binary and the ways to get it. */
export interface BinaryPlan {
  /** Name of the executable: `mongod`. */
  program: string;
  /** What a binary on PATH has to be at least; an older one is passed over. */
  minimum: Version;
  /** What precedes the version in the output of `--version`. */
  versionAfter: RegExp;
  /** In the order in which they are tried. */
  sources: BinarySource[];
  /** What a person can do when no source works. */
  advice: string;
}

/** The path of an executable on PATH, or null. */
export async function findOnPath(program: string): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    // A relative entry would make the answer depend on where the command is run.
    if (!isAbsolute(folder)) continue;
    const path = join(folder, program);
    const isExecutable = await access(path, constants.X_OK).then(
      async () => (await stat(path)).isFile(),
      () => false,
    );
    if (isExecutable) return path;
  }
  return null;
}

async function usableOnPath(plan: BinaryPlan, progress: Progress): Promise<string | null> {
  const path = await findOnPath(plan.program);
  if (path === null) return null;
  const version = await programVersion(path, plan.versionAfter);
  if (version !== null && isAtLeast(version, plan.minimum)) return path;
  progress(
    `${plan.program}: ${path} is ${version?.join('.') ?? 'of an unknown version'}, ` +
      `${plan.minimum.join('.')} or newer is needed; not using it`,
  );
  return null;
}

async function fromCache(plan: BinaryPlan): Promise<string | null> {
  for (const source of plan.sources) {
    const path = await findCached(source.cachedAs);
    if (path !== null) return path;
  }
  return null;
}

/**
 * Finds a server binary: on PATH, in the cache, or by the first source that works here.
 * @returns its path
 * @throws Error that says what was tried, why each failed, and what to do
 */
export async function resolveBinary(plan: BinaryPlan, progress: Progress): Promise<string> {
  const found = (await usableOnPath(plan, progress)) ?? (await fromCache(plan));
  if (found !== null) return found;
  return withCacheLock(plan.program, progress, async () => {
    const madeMeanwhile = await fromCache(plan);
    if (madeMeanwhile !== null) return madeMeanwhile;
    const failures: string[] = [];
    for (const source of plan.sources) {
      try {
        return await publish(source.cachedAs, (folder) => source.make(folder, progress));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        progress(`${plan.program}: ${source.title} is not possible here (${reason})`);
        failures.push(`  ${source.title}: ${reason}`);
      }
    }
    throw new Error([`cannot get ${plan.program}:`, ...failures, plan.advice].join('\n'));
  });
}
