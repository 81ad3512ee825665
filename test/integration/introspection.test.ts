/** `validateToken` asks the authorization server whether the stored token is active (RFC 7662). */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConnectionStatus } from '../../src/contract/messages.js';
import {
  refuse,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';
import { tokenDocument } from '../support/token-records.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { startApplication, type Application } from './application.js';
import { failureOf } from './expected-failure.js';

let system: TokenSystem;
let application: Application;
let server: ScriptedAuthorizationServer;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  await system.startWorker();
  application = await startApplication(system);
  server = await startScriptedAuthorizationServer();
});
afterAll(async () => {
  await application.stop();
  await system.close();
  await server.stop();
});

async function put(name: string, authorizationServer: Record<string, string>): Promise<string> {
  const file = system.connectionFile(name, { authorizationServer });
  await system.put(file);
  await system.source().getAccessToken(file.connectionId);
  return file.connectionId;
}

const scripted = () => {
  const { tokenEndpoint, introspectionEndpoint } = server;
  return { tokenEndpoint, introspectionEndpoint };
};

const validate = (connectionId: string): Promise<ConnectionStatus> =>
  application.call('validateToken', [{ connectionId }], {
    maximumAttempts: 3,
  }) as Promise<ConnectionStatus>;

it('says that a token is good, and that one revoked behind our back is not; the next caller gets another', async () => {
  const { tokenEndpoint, introspectionEndpoint } = system.authorizationServer;
  const connectionId = await put('real', { tokenEndpoint, introspectionEndpoint });
  expect(await validate(connectionId)).toMatchObject({ generation: 1, invalid: null });
  expect(system.authorizationServer.revokeAllAccessTokens()).toBe(1);
  expect(await validate(connectionId)).toMatchObject({
    ...{ generation: 1, state: 'active', invalid: { reason: 'introspected' } },
  });
  expect(await system.source().getAccessToken(connectionId)).toMatchObject({ generation: 2 });
  expect(await validate(connectionId)).toMatchObject({ generation: 2, invalid: null });
});

it('takes everything but the boolean true for a no (RFC 7662 §2.2)', async () => {
  const connectionId = await put('not-true', scripted());
  server.introspectionScript.push({ status: 200, body: { active: 'true' } });
  expect((await validate(connectionId)).invalid).toMatchObject({ reason: 'introspected' });
});

it('asks again when the server is away, and leaves the token alone', async () => {
  const connectionId = await put('away', scripted());
  server.introspectionScript.push({ status: 503 }, { status: 200, body: '<html></html>' });
  expect(await validate(connectionId)).toMatchObject({ generation: 1, invalid: null });
  expect(server.introspectionScript).toEqual([]);
});

it('fails for good when the server refuses the client', async () => {
  const connectionId = await put('refused', scripted());
  server.introspectionScript.push(refuse('invalid_client', 401));
  const failed = await failureOf(validate(connectionId));
  expect(failed).toMatchObject({ type: 'OAuth.invalid_client', nonRetryable: true });
  expect((await tokenDocument(system, connectionId)).invalid).toBeNull();
});

it('asks nobody about a token that is not handed out any more', async () => {
  const connectionId = await put('expired', scripted());
  await system.database.tokens.updateOne(
    { _id: connectionId },
    { $set: { expiresAt: new Date(0) } },
  );
  server.introspectionScript.push(refuse('invalid_client', 401));
  expect(await validate(connectionId)).toMatchObject({ generation: 1, invalid: null });
  server.introspectionScript.splice(0);
});
