/** One Temporal and one mongod for a whole test run; each test file uses its own database and queues. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startMongodb } from '../../dev/servers/mongodb.js';
import { startTemporal } from '../../dev/servers/temporal.js';

declare module 'vitest' {
  interface ProvidedContext {
    temporalAddress: string;
    mongodbUri: string;
    scratch: string;
    /** The Temporal UI; null: there is none. */
    temporalUi: string | null;
    /** Path of the browser; null: there is none. */
    chromium: string | null;
  }
}

export function setup(project: TestProject): Promise<() => Promise<void>> {
  return startServers(project, { ui: false });
}

/** Starts them, and says how they end. */
export async function startServers(
  project: TestProject,
  { ui }: { ui: boolean },
): Promise<() => Promise<void>> {
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const temporal = await startTemporal({
    ...{ ui, progress },
    searchAttributes: ['OAuthTokenState', 'OAuthFailureType'],
  });
  const mongodb = await startMongodb({ progress });
  const scratch = await mkdtemp(join(tmpdir(), 'temporal-oauth-tokens-test-'));
  project.provide('temporalAddress', temporal.address);
  project.provide('mongodbUri', mongodb.uri);
  project.provide('scratch', scratch);
  project.provide('temporalUi', temporal.uiUrl);
  return async () => {
    await Promise.all([temporal.stop(), mongodb.stop()]);
    await rm(scratch, { recursive: true, force: true });
  };
}
