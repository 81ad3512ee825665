import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cacheFolder } from '../../dev/servers/cache.js';
import {
  resolveBinary,
  type BinaryPlan,
  type BinarySource,
} from '../../dev/servers/resolve-binary.js';

let folder: string;
const progress = vi.fn();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'resolve-'));
  await mkdir(join(folder, 'bin'));
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  vi.stubEnv('PATH', `${join(folder, 'bin')}:/usr/bin:/bin`);
  progress.mockClear();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function program(path: string, version: string): Promise<string> {
  await writeFile(path, `#!/bin/sh\necho "program version ${version}"\n`);
  await chmod(path, 0o755);
  return path;
}

function source(title: string, make: BinarySource['make']): BinarySource {
  return { title, cachedAs: 'oauth-test-program-2.0.0', make };
}

function plan(...sources: BinarySource[]): BinaryPlan {
  return {
    program: 'oauth-test-program',
    minimum: [2, 0, 0],
    versionAfter: /program version /,
    sources,
    advice: 'Install it.',
  };
}

const refused = source('download', () => Promise.reject(new Error('refused')));
const built = source('build', (workFolder) => program(join(workFolder, 'out'), '2.0.0'));

describe('resolveBinary', () => {
  it('takes the one on PATH', async () => {
    const path = await program(join(folder, 'bin', 'oauth-test-program'), '2.1.0');
    expect(await resolveBinary(plan(refused), progress)).toBe(path);
  });

  it('passes over one on PATH that is too old, and says so', async () => {
    await program(join(folder, 'bin', 'oauth-test-program'), '1.9.0');
    const path = await resolveBinary(plan(built), progress);
    expect(path).toBe(join(cacheFolder(), 'oauth-test-program-2.0.0'));
    expect(progress).toHaveBeenCalledWith(expect.stringContaining('2.0.0 or newer is needed'));
  });

  it('tries the sources in order and makes the binary once', async () => {
    const make = vi.fn<BinarySource['make']>((...input) => built.make(...input));
    const wanted = plan(refused, source('build', make));
    const paths = await Promise.all([1, 2, 3].map(() => resolveBinary(wanted, progress)));
    paths.push(await resolveBinary(wanted, progress));
    expect(new Set(paths).size).toBe(1);
    expect(make).toHaveBeenCalledTimes(1);
  });

  it('makes another version anew', async () => {
    await resolveBinary(plan(built), progress);
    const newer = { ...built, cachedAs: 'oauth-test-program-3.0.0' };
    expect(await resolveBinary(plan(newer), progress)).toMatch(/3\.0\.0$/);
  });

  it('leaves nothing but the binary in the cache, also after a failure', async () => {
    await expect(resolveBinary(plan(refused), progress)).rejects.toThrow();
    await resolveBinary(plan(refused, built), progress);
    expect(await readdir(cacheFolder())).toEqual(['oauth-test-program-2.0.0']);
  });

  it('says what was tried and what to do when nothing works', async () => {
    await expect(resolveBinary(plan(refused), progress)).rejects.toThrow(
      'cannot get oauth-test-program:\n  download: refused\nInstall it.',
    );
  });
});
