/** MongoDB answers so late that the token it tells of is over by then. */
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../faults/support/tcp-proxy.js';
import { startTokenSystem, withDatabase, type TokenSystem } from '../support/token-system.js';
import { startScriptedTokens, type ScriptedTokens } from './scripted-tokens.js';

const LIFETIME_MS = 5_000;

let system: TokenSystem;
let authorization: ScriptedTokens;
let proxy: TcpProxy;
let slow: MongoClient;

beforeAll(async () => {
  system = await startTokenSystem();
  authorization = await startScriptedTokens(LIFETIME_MS);
  proxy = await startTcpProxy(new URL(inject('mongodbUri')).host);
  const uri = `mongodb://${proxy.address}/?directConnection=true`;
  slow = new MongoClient(withDatabase(uri, system.database.name));
  await system.startWorker();
});
afterAll(async () => {
  await slow.close();
  await proxy.stop();
  await system.close();
  await authorization.stop();
});

it('never hands out a token that expired while its record was on the way', async () => {
  const { tokenEndpoint } = authorization;
  const file = system.connectionFile('slow-read', { authorizationServer: { tokenEndpoint } });
  await system.put(file);
  const { connectionId } = file;
  const far = system.source({ mongodb: slow });
  // The pool of connections is warm; this source has nothing in memory.
  await slow.db().command({ ping: 1 });
  await system.source().getAccessToken(connectionId);
  await proxy.set({ do: 'stall', direction: 'to_client' });
  const asking = far.getAccessToken(connectionId);
  await new Promise((resolve) => setTimeout(resolve, LIFETIME_MS + 500));
  await proxy.set({ do: 'pass' });
  const token = await asking;
  expect(authorization.isActive(token.reveal())).toBe(true);
  expect(token.generation).toBe(2);
});
