/** `put` against a strict authorization server: an old refresh token that comes back kills the grant. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConnectionFileError } from '../../src/connections/index.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  startTokenSystem,
  type TokenSystem,
} from '../support/token-system.js';
import { startScriptedTokens } from './scripted-tokens.js';

let system: TokenSystem;
let refreshToken: string;

beforeAll(async () => {
  system = await startTokenSystem({
    authorizationServer: { rotateRefreshToken: true, accessTokenTtlSeconds: 600 },
  });
  await system.startWorker();
  refreshToken = await system.authorizationServer.mintRefreshToken({
    clientId: CLIENT_ID,
    accountId: 'a person',
    scope: 'openid offline_access',
  });
});
afterAll(() => system.close());

/** The next generation of a connection, by a refresh. */
async function refresh(connectionId: string): Promise<number> {
  const tokens = system.source();
  const { generation } = await tokens.getAccessToken(connectionId);
  const next = await tokens.getAccessToken(connectionId, { rejectedGeneration: generation });
  return next.generation;
}

it('keeps the rotated refresh token when the imported one is put again', async () => {
  const file = system.connectionFile('rotated', {
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  const environment = { CLIENT_SECRET, REFRESH_TOKEN: refreshToken };
  await system.put(file, environment);
  expect((await system.source().getAccessToken(file.connectionId)).generation).toBe(1);

  const again = await system.put(file, environment);
  expect(again).toMatchObject({ created: false, changed: [], epoch: 1, generation: 1 });
  expect(await refresh(file.connectionId)).toBe(2);
  expect(system.authorizationServer.countTokenRequests({ outcome: 'issued' })).toBe(2);
  expect(system.authorizationServer.countTokenRequests({ outcome: 'refused' })).toBe(0);
  expect(system.authorizationServer.countRefreshTokens()).toBe(1);

  const elsewhere = await startScriptedTokens();
  const moved = { ...file, authorizationServer: { tokenEndpoint: elsewhere.tokenEndpoint } };
  const refused = system.put(moved, {});
  await expect(refused).rejects.toBeInstanceOf(ConnectionFileError);
  await expect(refused).rejects.toThrow(/client\.clientSecret: .*tokenEndpoint changed/);
  const { generation } = await system.source().getAccessToken(file.connectionId);
  expect(generation).toBe(2);
  expect(elsewhere.requests).toEqual([]);
  await elsewhere.stop();
});
