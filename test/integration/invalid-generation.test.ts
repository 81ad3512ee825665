/** A generation that one process marks invalid is not handed out by the others for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

// The age at which a token in memory is looked up again, by default.
const MAX_AGE_MS = 5_000;

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  await system.startWorker();
});
afterAll(() => system.close());

it('6 s after one process refused a generation, neither a busy nor an idle one hands it out', async () => {
  const file = system.connectionFile('invalid');
  const { connectionId } = file;
  await system.put(file);
  const [busy, idle, refusing] = [system.source(), system.source(), system.source()];
  for (const source of [busy, idle, refusing]) {
    expect((await source.getAccessToken(connectionId)).generation).toBe(1);
  }
  await refusing.getAccessToken(connectionId, { rejectedGeneration: 1 });
  const refusedAt = performance.now();

  let last = 1;
  let lastOldAt = refusedAt;
  while (performance.now() < refusedAt + MAX_AGE_MS + 1_000) {
    last = (await busy.getAccessToken(connectionId)).generation;
    if (last === 1) lastOldAt = performance.now();
    await sleep(20);
  }
  expect(last).toBe(2);
  expect(lastOldAt - refusedAt).toBeLessThan(MAX_AGE_MS + 1_000);
  expect((await idle.getAccessToken(connectionId)).generation).toBe(2);
  expect(system.authorizationServer.countTokenRequests()).toBe(2);
});
