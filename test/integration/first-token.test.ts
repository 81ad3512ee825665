import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem();
  await system.startWorker();
});
afterAll(() => system.close());

it('calls an API with a token that the lifecycle requested', async () => {
  const file = system.connectionFile('first');
  await system.put(file);
  const tokens = system.source();
  const response = await tokens.fetch(file.connectionId, `${system.api.origin}/v1/things`);
  expect(response.status).toBe(200);
  const again = await tokens.fetch(file.connectionId, `${system.api.origin}/v1/things`);
  expect(again.status).toBe(200);
  expect(system.authorizationServer.countTokenRequests()).toBe(1);
  const history = await system.client.workflow
    .getHandle(`oauth-token/${file.connectionId}`)
    .fetchHistory();
  const activities = (history.events ?? []).filter(
    (event) => event.activityTaskScheduledEventAttributes,
  );
  expect(activities).toHaveLength(1);
});
