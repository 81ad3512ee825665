/** MongoDB is slow: what it takes is never added to the life of a token. */
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../faults/support/tcp-proxy.js';
import { tokenDocument } from '../support/token-records.js';
import { startTokenSystem, withDatabase, type TokenSystem } from '../support/token-system.js';
import { startScriptedTokens, type ScriptedTokens } from './scripted-tokens.js';

const LIFETIME_MS = 5_000;

let system: TokenSystem;
let authorization: ScriptedTokens;
let proxy: TcpProxy;
let slow: MongoClient;
let workersProxy: TcpProxy;
let workersClient: MongoClient;

beforeAll(async () => {
  system = await startTokenSystem();
  authorization = await startScriptedTokens(LIFETIME_MS);
  const { host } = new URL(inject('mongodbUri'));
  [proxy, workersProxy] = await Promise.all([startTcpProxy(host), startTcpProxy(host)]);
  slow = clientThrough(proxy);
  workersClient = clientThrough(workersProxy);
  await system.startWorker({ mongodb: workersClient });
});
afterAll(async () => {
  await system.close();
  await Promise.all([slow.close(), workersClient.close()]);
  await Promise.all([proxy.stop(), workersProxy.stop()]);
  await authorization.stop();
});

function clientThrough({ address }: TcpProxy): MongoClient {
  const uri = `mongodb://${address}/?directConnection=true`;
  return new MongoClient(withDatabase(uri, system.database.name));
}

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

it('does not add the time that a commit was on its way to the life of the token', async () => {
  const { tokenEndpoint } = authorization;
  const file = system.connectionFile('slow-commit', { authorizationServer: { tokenEndpoint } });
  await system.put(file);
  let answeredAt = 0;
  authorization.answer = async (form, response) => {
    authorization.answer = null;
    await workersProxy.set({ do: 'stall', direction: 'to_server' });
    setTimeout(() => void workersProxy.set({ do: 'pass' }), LIFETIME_MS - 1_000);
    answeredAt = Date.now();
    authorization.issue(form, response);
  };
  const asking = system.source().getAccessToken(file.connectionId);
  const expiresAt = async (): Promise<number | undefined> =>
    (await tokenDocument(system, file.connectionId)).expiresAt?.getTime();
  await expect.poll(expiresAt, { timeout: 20_000 }).toBeDefined();
  expect(await expiresAt()).toBeLessThanOrEqual(answeredAt + LIFETIME_MS);
  await asking;
});
