import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

/** A tenth of real time: a 60-second token becomes a 6-second one. */
const TTL_SECONDS = 6;

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: TTL_SECONDS } });
  await system.startWorker();
});
afterAll(() => system.close());

it('requests a 60-second token asked for every second for 3 minutes at most 4 times', async () => {
  const { connectionId } = await system.put(system.connectionFile('minute'));
  const tokens = system.source();
  const endAt = performance.now() + 3 * TTL_SECONDS * 1_000;
  const waits: number[] = [];
  await tokens.getAccessToken(connectionId);
  while (performance.now() < endAt) {
    const askedAt = performance.now();
    const token = await tokens.getAccessToken(connectionId);
    waits.push(performance.now() - askedAt);
    expect(Date.parse(token.expiresAt ?? '')).toBeGreaterThan(Date.now());
    await sleep(100);
  }
  expect(system.authorizationServer.countTokenRequests()).toBeLessThanOrEqual(4);
  expect(system.authorizationServer.countTokenRequests()).toBeGreaterThanOrEqual(3);
});

it('refreshes ahead of expiry without any caller', async () => {
  const { connectionId } = await system.put(
    system.connectionFile('ahead', { lifetime: { refresh: 'ahead' } }),
  );
  const generation = async (): Promise<number> =>
    (await system.database.tokens.findOne({ _id: connectionId }))?.generation ?? 0;
  await expect.poll(generation, { timeout: 40_000, interval: 200 }).toBe(3);
  const [first, second] = system.authorizationServer.requests.slice(-2).map((r) => r.at.getTime());
  const period = (second ?? 0) - (first ?? 0);
  expect(period).toBeLessThan(TTL_SECONDS * 1_000);
  expect(period).toBeGreaterThan(TTL_SECONDS * 700);
});
