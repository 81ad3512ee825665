import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  await system.startWorker();
});
afterAll(() => system.close());

it('an idle process sends no token to an origin that was removed meanwhile', async () => {
  const maxAgeMs = 300;
  const file = system.connectionFile('removed-origin');
  const { connectionId } = await system.put(file);
  const tokens = system.source({ maxAgeMs });
  const url = `${system.api.origin}/v1/things`;
  expect((await tokens.fetch(connectionId, url)).status).toBe(200);
  await system.put({ ...file, api: { allowedOrigins: ['https://elsewhere.example'] } });
  await sleep(2 * maxAgeMs);
  const before = system.api.requests.length;
  await expect(tokens.fetch(connectionId, url)).rejects.toMatchObject({
    type: 'Policy.origin_not_allowed',
  });
  expect(system.api.requests).toHaveLength(before);
});
