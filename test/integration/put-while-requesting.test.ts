import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  await system.startWorker();
});
afterAll(() => system.close());

it('does not use a token that was requested with a scope changed meanwhile', async () => {
  const file = system.connectionFile('changed-scope', {
    grant: { grantType: 'client_credentials', scope: 'things:read' },
  });
  const { connectionId } = await system.put(file);
  const { hooks } = system.authorizationServer;
  let answered = 0;
  hooks.onTokenResponse = async () => {
    answered += 1;
    if (answered > 1) return;
    await system.put({
      ...file,
      grant: { grantType: 'client_credentials', scope: 'things:write' },
    });
  };
  const token = await system.source().getAccessToken(connectionId);
  hooks.onTokenResponse = null;
  expect(token.scope).toBe('things:write');
  expect(token.generation).toBe(2);
});
