/** The worker dies in the middle of a rotation of keys, and the next one goes on with what is left. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RotateKeysResult } from '../../src/contract/key-rotation.js';
import { createFileKeyProvider, readKeyFile } from '../../src/store/index.js';
import { keepFigures } from '../support/figures.js';
import { addActiveKeys, removeKeys } from '../support/key-files.js';
import {
  openEverything,
  seedRecords,
  startStrictServer,
  type StrictServer,
} from '../support/many-records.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';

const RECORDS = 1_000;

let system: TokenSystem;
let strict: StrictServer;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  system = await startTokenSystem();
  strict = await startStrictServer();
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
  await system.close();
  await strict.server.stop();
});

it('goes on after SIGKILL with what is left, and opens everything it touched', async () => {
  const ids = await seedRecords(system, strict, RECORDS);
  const old = (await readKeyFile(system.keysFile)).keys.map(({ kid }) => kid);
  const left = () => system.database.tokens.countDocuments({ kids: { $in: old } });
  workers.push(await startWorkerProcess(system.environment()));
  await addActiveKeys(system.keysFile);
  // By name alone, as from any SDK.
  const handle = await system.client.workflow.start('rotateKeys', {
    workflowId: `rotate-${system.id}`,
    taskQueue: system.taskQueue,
    args: [{}],
  });
  await expect.poll(left, { timeout: 60_000, interval: 20 }).toBeLessThan(RECORDS * 0.9);
  await workers[0]?.end('SIGKILL');
  const leftBehind = await left();
  expect(leftBehind).toBeGreaterThan(0);

  workers.push(await startWorkerProcess(system.environment()));
  const result = (await handle.result()) as RotateKeysResult;
  expect(result).toMatchObject({ left: 0, unreadable: 0, retired: old });
  expect(await left()).toBe(0);
  const { resealed: records, conflicts, durationMs } = result;
  await keepFigures('keys.jsonl', {
    ...{ name: 'rotation whose worker was killed', records, seconds: durationMs / 1_000 },
    recordsPerSecond: Math.round((records * 1_000) / durationMs),
    ...{ refreshes: 0, conflicts, failures: strict.refused.length },
  });
  await removeKeys(system.keysFile, old);
  const keys = createFileKeyProvider(system.keysFile);
  const opened = await Promise.all(ids.map((id) => openEverything(system, keys, id)));
  expect(opened.map(({ refreshToken }) => refreshToken)).toEqual(
    ids.map((id) => strict.current.get(id)),
  );
});
