/** A consent that comes after somebody had the connection revoked, or put another grant. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLifecycleClient, requestRevocation } from '../../src/tokens/index.js';
import { createGate } from '../support/gate.js';
import { tokenDocument } from '../support/token-records.js';
import { CLIENT_SECRET, type TokenSystem } from '../support/token-system.js';
import {
  callBack,
  consentFile,
  redeemed,
  startConsentSystem,
  type Begun,
} from './consent-system.js';
import { failureOf } from './expected-failure.js';
import {
  consentedAt,
  putScripted,
  startScriptedConsent,
  type ScriptedAnswer,
  type ScriptedConsent,
} from './scripted-consent.js';

let system: TokenSystem;
let server: ScriptedConsent;
beforeAll(async () => {
  system = await startConsentSystem();
  await system.startWorker();
});
afterAll(() => system.close());
beforeEach(async () => {
  server = await startScriptedConsent();
});
afterEach(() => server.stop());

/** A connection that somebody has consented to. */
async function putConsented(name: string): Promise<string> {
  const connectionId = await putScripted(system, server, { name });
  await redeemed(system, await handOver(await consentedAt(system, connectionId)));
  return connectionId;
}

async function handOver({ begun, query, nonce }: ScriptedAnswer, sub = 'alice'): Promise<Begun> {
  server.tokens.script.push(() => server.goodTokens(nonce, { sub }));
  await callBack(system, query, begun.browser);
  return begun;
}

function revoke(connectionId: string) {
  const { database, connection, taskQueue } = system;
  const lifecycle = createLifecycleClient({ connection, namespace: 'default', taskQueue });
  return requestRevocation({ database, lifecycle }, connectionId, 30_000);
}

const isActive = (token: string): boolean => server.tokens.ledger.isActive(token);

it('a link that was made before a revocation connects nothing after it; a new one does', async () => {
  const connectionId = await putConsented('link-then-revoked');
  const { begun, query } = await consentedAt(system, connectionId);
  expect(await revoke(connectionId)).toMatchObject({ state: 'revoked' });
  expect(await callBack(system, query, begun.browser)).toMatchObject({
    ...{ outcome: 'failed', type: 'Authorization.superseded' },
  });
  expect(server.tokens.received).toHaveLength(1);
  expect(await tokenDocument(system, connectionId)).toMatchObject({ epoch: 2, state: 'revoked' });
  const later = await handOver(await consentedAt(system, connectionId));
  expect(await redeemed(system, later)).toMatchObject({ epoch: 3 });
});

/** A consent whose token request the server is still working on. */
async function inFlight(connectionId: string) {
  const { begun, query, nonce } = await consentedAt(system, connectionId);
  const gate = createGate();
  server.tokens.script.push(async () => {
    await gate.pass();
    return server.goodTokens(nonce);
  });
  await callBack(system, query, begun.browser);
  await expect.poll(() => gate.arrived(), { timeout: 20_000 }).toBe(1);
  return { begun, gate };
}

it('a consent that was given before a revocation is revoked with it', async () => {
  const connectionId = await putConsented('given-then-revoked');
  const { begun, gate } = await inFlight(connectionId);
  expect(await revoke(connectionId)).toMatchObject({ state: 'revoked' });
  gate.open();
  expect((await failureOf(redeemed(system, begun))).type).toBe('Authorization.superseded');
  expect(await tokenDocument(system, connectionId)).toMatchObject({ epoch: 2, state: 'revoked' });
  expect([isActive('consent-access-2'), isActive('consent-refresh-2')]).toEqual([false, false]);
});

it('a grant that was put after a consent was given stays', async () => {
  const connectionId = await putConsented('given-then-put');
  const { begun, gate } = await inFlight(connectionId);
  const file = consentFile(system, 'given-then-put', {
    authorizationServer: server.endpoints,
  });
  const grant = { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } };
  await system.put({ ...file, grant }, { CLIENT_SECRET, REFRESH_TOKEN: 'imported' });
  const put = await tokenDocument(system, connectionId);
  gate.open();
  expect((await failureOf(redeemed(system, begun))).type).toBe('Authorization.superseded');
  expect(await tokenDocument(system, connectionId)).toEqual(put);
});
