/** Records histories of `redeemAuthorization`; see histories.record.ts. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  beginDeviceAuthorization,
  createRedemptionClient,
} from '../../src/authorizations/index.js';
import { authorizationWorkflowId } from '../../src/contract/consent-messages.js';
import { createNetwork } from '../../src/network.js';
import { issue, refuse } from '../../src/testing/index.js';
import {
  consent,
  consentFile,
  redeemed,
  startConsentSystem,
} from '../integration/consent-system.js';
import {
  consentedAt,
  putScripted,
  startScriptedConsent,
  type ScriptedConsent,
} from '../integration/scripted-consent.js';
import type { TokenSystem } from '../support/token-system.js';
import { recordHistory } from './record-history.js';

const network = createNetwork({ mode: 'loopback' });
let system: TokenSystem;
let server: ScriptedConsent;

beforeAll(async () => {
  system = await startConsentSystem();
  server = await startScriptedConsent();
  await system.startWorker();
});
afterAll(async () => {
  await system.close();
  await server.stop();
  await network.close();
});

const record = (name: string, { authorizationId }: { authorizationId: string }): Promise<void> =>
  recordHistory(name, {
    ...{ address: system.address, workflowId: authorizationWorkflowId(authorizationId) },
  });

it('a code that is redeemed, and one that is refused', async () => {
  const { connectionId } = await system.put(consentFile(system, 'redeemed'));
  const good = await consent(system, connectionId);
  await redeemed(system, good);
  await record('redeem-authorization', good);
  const bad = await consent(system, connectionId, { account: 'somebody-else' });
  await expect(redeemed(system, bad)).rejects.toThrow();
  await record('redeem-authorization-refused', bad);
});

it('a device: pending, slower, then done', async () => {
  const grant = { grantType: 'device_code', scope: 'things:read' };
  const connectionId = await putScripted(system, server, { name: 'device', ...grant });
  server.tokens.script.push(refuse('authorization_pending'), refuse('slow_down'), issue('access'));
  const { database, keys, connection, taskQueue } = system;
  const device = await beginDeviceAuthorization(
    { database, keys, network },
    { connectionId, acceptNewSubject: false, startedBy: 'test' },
  );
  const redemptions = createRedemptionClient({ connection, namespace: 'default', taskQueue });
  await redemptions.start({ connectionId, authorizationId: device.authorizationId });
  await redeemed(system, device);
  await record('redeem-authorization-device', device);
});

it('a consent that is waited for although nobody has answered', async () => {
  const connectionId = await putScripted(system, server, { name: 'cancelled' });
  const { begun } = await consentedAt(system, connectionId);
  const { connection, taskQueue } = system;
  const redemptions = createRedemptionClient({ connection, namespace: 'default', taskQueue });
  await redemptions.start({ connectionId, authorizationId: begun.authorizationId });
  const handle = system.client.workflow.getHandle(authorizationWorkflowId(begun.authorizationId));
  const timers = async (): Promise<number> => {
    const { events } = await handle.fetchHistory();
    return (events ?? []).filter((event) => event.timerStartedEventAttributes != null).length;
  };
  await expect.poll(timers, { timeout: 20_000 }).toBe(1);
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow();
  await record('redeem-authorization-cancelled', begun);
});
