/** Keys rotate while everything runs (design §7, fault 42). */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createFileKeyProvider } from '../../src/store/index.js';
import { run } from '../cli/run.js';
import { keepFigures } from '../support/figures.js';
import { addActiveKeys, copyKeyFile, removeKeys } from '../support/key-files.js';
import {
  openEverything,
  seedRecords,
  startStrictServer,
  type StrictServer,
} from '../support/many-records.js';
import { forceRefresh } from '../support/token-records.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

const RECORDS = 2_000;
const REFRESHED = 60;
const EVERY_MS = 100;

interface RotateResult {
  resealed: number;
  left: number;
  conflicts: number;
  durationMs: number;
  retired: string[];
}

let system: TokenSystem;
let strict: StrictServer;
let ids: string[];

beforeAll(async () => {
  system = await startTokenSystem();
  strict = await startStrictServer();
  await system.startWorker();
  ids = await seedRecords(system, strict, RECORDS);
});
afterAll(async () => {
  await system.close();
  await strict.server.stop();
});

const rotate = (...argv: string[]) =>
  run(['keys', 'rotate', '--json', '--timeout', '90s', ...argv], system.environment());

const kidsOf = async (state: string): Promise<string[]> => {
  const { json } = await run(['keys', 'list', '--json'], system.environment());
  const { keys } = json<{ keys: { kid: string; state: string }[] }>();
  return keys.filter((key) => key.state === state).map(({ kid }) => kid);
};

/** Refreshes connections in turn, ten a second, until told to stop. */
function keepRefreshing() {
  const generations = new Map<string, number>();
  const failures: unknown[] = [];
  const running = new Set<Promise<void>>();
  let index = 0;
  const timer = setInterval(() => {
    const connectionId = ids[(index * 31) % REFRESHED] ?? '';
    index += 1;
    const refresh = forceRefresh(system, connectionId).then(
      ({ outcome }) => {
        if (outcome !== 'issued') failures.push({ connectionId, outcome });
        else generations.set(connectionId, (generations.get(connectionId) ?? 1) + 1);
      },
      (error: unknown) => void failures.push(error),
    );
    running.add(refresh);
    void refresh.finally(() => running.delete(refresh));
  }, EVERY_MS);
  return async () => {
    clearInterval(timer);
    await Promise.all(running);
    const refreshes = [...generations.values()].reduce((sum, one) => sum + one - 1, 0);
    return { generations, failures, refreshes };
  };
}

it('seals 2,000 records anew while ten refreshes a second go on: none fails, no token is lost', async () => {
  const before = await kidsOf('active');
  const stop = keepRefreshing();
  const kids = await addActiveKeys(system.keysFile);
  const ran = await rotate();
  const { generations, failures, refreshes } = await stop();
  expect(ran.stderr).toBe('');
  const result = ran.json<RotateResult>();
  expect(result).toMatchObject({ left: 0, retired: before });
  expect(await kidsOf('retired')).toEqual(before);
  const seconds = result.durationMs / 1_000;
  const { resealed: records, conflicts } = result;
  await keepFigures('keys.jsonl', {
    ...{ name: 'rotation under load', records, seconds },
    recordsPerSecond: Math.round(records / seconds),
    ...{ refreshes, conflicts, failures: failures.length + strict.refused.length },
  });
  // Those that were refreshed with the new keys needed nothing.
  expect(records).toBeGreaterThan(RECORDS - REFRESHED);
  expect(failures).toEqual([]);
  expect(strict.refused).toEqual([]);
  expect(refreshes).toBeGreaterThan(5);

  // The old keys are gone for good: every value opens all the same, and is the newest there is.
  await removeKeys(system.keysFile, before);
  const keys = createFileKeyProvider(system.keysFile);
  const opened = await Promise.all(ids.map((id) => openEverything(system, keys, id)));
  for (const [index, connectionId] of ids.entries()) {
    expect(opened[index]).toEqual({
      refreshToken: strict.current.get(connectionId),
      generation: generations.get(connectionId) ?? 1,
      kids: expect.arrayContaining([kids.access, kids.grant]) as string[],
    });
    expect(opened[index]?.kids).toHaveLength(2);
  }
});

it('has nothing to do the second time, and asks no worker for it', async () => {
  const before = await system.client.workflow.count(`TaskQueue="${system.taskQueue}"`);
  const ran = await rotate();
  expect(ran.exitStatus).toBe(0);
  expect(ran.json()).toMatchObject({ resealed: 0, left: 0, conflicts: 0, durationMs: 0 });
  expect((await system.client.workflow.count(`TaskQueue="${system.taskQueue}"`)).count).toBe(
    before.count,
  );
});

it('is told that a key which is not active yet seals nothing before its time', async () => {
  const file = join(inject('scratch'), `waiting-${system.id}.json`);
  await copyKeyFile(system.keysFile, file);
  const { json } = await run(['keys', 'generate', file, '--json'], {});
  const { kids } = json<{ kids: string[] }>();
  const ran = await rotate(file);
  expect(ran.exitStatus).toBe(0);
  for (const kid of kids) expect(ran.stderr).toMatch(new RegExp(`${kid} becomes active .*in \\d+`));
  expect(ran.json()).toMatchObject({ resealed: 0, left: 0 });
});

it('leaves a record alone in which a token request is under way, and comes back to it', async () => {
  const [connectionId = ''] = ids;
  await system.database.tokens.deleteMany({ _id: { $gt: ids[100] ?? '' } });
  const generation = (await openEverything(system, system.keys, connectionId)).generation;
  let answer = (): void => undefined;
  let arrived = false;
  strict.beforeAnswer = () => {
    arrived = true;
    return new Promise<void>((resolve) => (answer = resolve));
  };
  const refreshed = forceRefresh(system, connectionId);
  await expect.poll(() => arrived).toBe(true);
  strict.beforeAnswer = null;
  const kids = await addActiveKeys(system.keysFile);
  const rotated = rotate();
  const others = { _id: { $ne: connectionId }, kids: { $nin: [kids.grant] } };
  await expect
    .poll(() => system.database.tokens.countDocuments(others), { timeout: 60_000 })
    .toBe(0);
  const busy = await system.database.tokens.findOne({ _id: connectionId });
  expect(busy?.kids).not.toContain(kids.grant);
  expect(busy?.attempt).not.toBeNull();
  answer();
  expect((await refreshed).outcome).toBe('issued');
  const result = (await rotated).json<RotateResult>();
  expect(result).toMatchObject({ left: 0 });
  const opened = await openEverything(system, system.keys, connectionId);
  expect(opened).toMatchObject({
    refreshToken: strict.current.get(connectionId),
    generation: generation + 1,
  });
  expect(strict.refused).toEqual([]);
});
