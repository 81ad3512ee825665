import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { temporalBinary } from '../../dev/servers/temporal-binary.js';

const VERSION = '0.1.0';
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = fileURLToPath(new URL('../histories/', import.meta.url));

/** A run to record. */
export interface RecordedRun {
  address: string;
  workflowId: string;
  runId?: string;
}

/** Writes a run's history to test/histories, under the present version. */
export async function recordHistory(
  name: string,
  { address, workflowId, runId }: RecordedRun,
): Promise<void> {
  const temporal = await temporalBinary(() => undefined);
  const run = runId === undefined ? [] : ['--run-id', runId];
  const which = ['--workflow-id', workflowId, ...run, '--address', address];
  const { stdout } = await promisify(execFile)(
    temporal,
    ['workflow', 'show', ...which, '--output', 'json'],
    { maxBuffer: 16 * 1024 * 1024 },
  );
  // Stack traces name the folder this was recorded in.
  const { events } = JSON.parse(stdout.replaceAll(ROOT, '')) as { events: unknown[] };
  expect(events.length).toBeGreaterThan(4);
  await writeFile(`${FOLDER}${name}-${VERSION}.json`, `${JSON.stringify({ events }, null, 1)}\n`);
}
