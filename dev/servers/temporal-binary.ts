import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheName } from './cache.js';
import { lastLine, runCommand } from './command.js';
import { officialDownload } from './official-download.js';
import { withElapsed, type Progress } from './progress.js';
import { findOnPath, resolveBinary, type BinarySource } from './resolve-binary.js';
import { isAtLeast, parseVersion } from './version.js';

const TOOL_MODULE = fileURLToPath(new URL('./temporal-cli/', import.meta.url));
const CLI = 'github.com/temporalio/cli';

/** What the tool module pins: the one place that names the version of Temporal's CLI. */
async function pinnedVersion(): Promise<string> {
  const goMod = await readFile(join(TOOL_MODULE, 'go.mod'), 'utf8');
  const version = parseVersion(goMod, new RegExp(`${CLI} v`));
  if (version === null) throw new Error(`${TOOL_MODULE}go.mod does not require ${CLI}`);
  return version.join('.');
}

function download(version: string): BinarySource {
  return {
    title: 'official download',
    cachedAs: cacheName('temporal', version),
    async make(workFolder, progress) {
      progress(`temporal: not on PATH; trying the official download of ${version}`);
      await officialDownload({
        script: './official-temporal.js',
        folder: workFolder,
        args: [`v${version}`],
      });
      return join(workFolder, `temporal-v${version}`);
    },
  };
}

/** @throws Error that says what to install if there is no Go that can build the tool module */
async function checkGo(): Promise<string> {
  const go = await findOnPath('go');
  if (go === null) throw new Error('go is not on PATH; install Go 1.25 or newer');
  // Outside the module, where go says its own version and not that of a toolchain it would get.
  const { output } = await runCommand({ command: go, args: ['version'], cwd: tmpdir() });
  const version = parseVersion(output, /go version go/);
  // From 1.21 on, go gets the toolchain that the module asks for by itself.
  if (version !== null && isAtLeast(version, [1, 21, 0])) return go;
  throw new Error(`Go 1.25 or newer is needed, and ${go} is: ${lastLine(output)}`);
}

function goBuild(version: string): BinarySource {
  return {
    title: 'building it with Go',
    cachedAs: cacheName('temporal', version),
    async make(workFolder, progress) {
      const go = await checkGo();
      progress(
        `temporal: building the Temporal CLI ${version} from source with Go, because it is not on ` +
          'PATH and cannot be downloaded. Once per machine; takes 2 to 5 minutes',
      );
      const binary = join(workFolder, 'temporal');
      const { status, output } = await withElapsed(progress, 'temporal: go build', () =>
        runCommand({
          command: go,
          args: [
            'build',
            // Without debug information (a third of the size), and knowing its own version.
            `-ldflags=-s -w -X ${CLI}/temporalcli.Version=${version}`,
            '-o',
            binary,
            `${CLI}/cmd/temporal`,
          ],
          cwd: TOOL_MODULE,
        }),
      );
      if (status !== 0) throw new Error(`go build failed:\n${output}`);
      return binary;
    },
  };
}

/**
 * Finds the `temporal` executable, or gets it: PATH, cache, official download, Go build.
 * @returns its path
 * @throws Error that says what was tried and what to do
 */
export async function temporalBinary(progress: Progress): Promise<string> {
  const version = await pinnedVersion();
  return resolveBinary(
    {
      program: 'temporal',
      minimum: [1, 29, 0],
      versionAfter: /Server /,
      sources: [download(version), goBuild(version)],
      advice: 'Install the Temporal CLI, or set TEMPORAL_ADDRESS to a running Temporal server.',
    },
    progress,
  );
}
