/** Consent on a device of the person's own (RFC 8628), polled by durable timers. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createIssueActivities } from '../../src/activities/index.js';
import {
  beginDeviceAuthorization,
  createRedemptionClient,
} from '../../src/authorizations/index.js';
import type {
  DeviceAuthorization,
  RedeemAuthorizationInput,
  RedeemAuthorizationResult,
} from '../../src/contract/consent-messages.js';
import { createNetwork } from '../../src/network.js';
import { issue, refuse } from '../../src/testing/index.js';
import { consentOnDevice } from '../support/consent.js';
import { tokenDocument } from '../support/token-records.js';
import type { TokenSystem } from '../support/token-system.js';
import {
  authorizationDocument,
  consentFile,
  redeemed,
  startConsentSystem,
} from './consent-system.js';
import { failureOf } from './expected-failure.js';
import { putScripted, startScriptedConsent, type ScriptedConsent } from './scripted-consent.js';

const network = createNetwork({ mode: 'loopback' });
let system: TokenSystem;
let server: ScriptedConsent;
let worker: { stop: () => Promise<void> };
beforeAll(async () => {
  system = await startConsentSystem();
  worker = await system.startWorker();
});
afterAll(async () => {
  await system.close();
  await network.close();
});
beforeEach(async () => {
  server = await startScriptedConsent();
});
afterEach(() => server.stop());

const DEVICE = { grantType: 'device_code' };

/** Begins an authorization on a device, and has its answer asked for. */
async function begin(connectionId: string): Promise<DeviceAuthorization> {
  const { database, keys, connection, taskQueue } = system;
  const device = await beginDeviceAuthorization(
    { database, keys, network },
    { connectionId, acceptNewSubject: false, startedBy: 'test' },
  );
  const redemptions = createRedemptionClient({ connection, namespace: 'default', taskQueue });
  await redemptions.start({ connectionId, authorizationId: device.authorizationId });
  return device;
}

const put = (name: string): Promise<string> =>
  putScripted(system, server, { name, ...DEVICE, scope: 'things:read' });

const PENDING = refuse('authorization_pending');
const pauses = (): number[] =>
  server.tokens.received.slice(1).map(({ at }, index) => {
    return at - (server.tokens.received[index]?.at ?? at);
  });

describe('at a real authorization server', () => {
  async function putReal(name: string): Promise<string> {
    const file = consentFile(system, name, { grant: DEVICE });
    return (await system.put(file)).connectionId;
  }

  it('a person who enters the code and allows connects', async () => {
    const connectionId = await putReal('device');
    const device = await begin(connectionId);
    await consentOnDevice(device.verificationUri, device.userCode);
    expect(await redeemed(system, device)).toMatchObject({ epoch: 2, generation: 1 });
    const tokens = system.source();
    expect(await tokens.getAccessToken(connectionId)).toMatchObject({ epoch: 2 });
    const next = await tokens.getAccessToken(connectionId, { rejectedGeneration: 1 });
    expect(next).toMatchObject({ epoch: 2, generation: 2 });
  });

  it('a person who denies ends it, and says so', async () => {
    const connectionId = await putReal('denied');
    const device = await begin(connectionId);
    await consentOnDevice(device.verificationUri, device.userCode, { decision: 'deny' });
    expect((await failureOf(redeemed(system, device))).type).toBe('Authorization.denied');
    expect(await tokenDocument(system, connectionId)).toMatchObject({ epoch: 1, access: null });
    expect(await authorizationDocument(system, device)).toMatchObject({ request: null, kids: [] });
  });
});

describe('polling', () => {
  it('keeps to the interval, and outlives the worker between two polls', async () => {
    const connectionId = await put('polled');
    server.tokens.script.push(PENDING, PENDING, refuse('slow_down'), issue('device-access'));
    const device = await begin(connectionId);
    await expect.poll(() => server.tokens.received.length, { timeout: 20_000 }).toBe(3);
    await worker.stop();
    worker = await system.startWorker();
    expect(await redeemed(system, device)).toMatchObject({ epoch: 2, generation: 1 });
    const [first, second, afterSlowDown] = pauses();
    for (const pause of [first, second]) expect(pause).toBeGreaterThanOrEqual(990);
    // RFC 8628 §3.5: 5 seconds more.
    expect(afterSlowDown).toBeGreaterThanOrEqual(5_990);
    const { parameters } = server.tokens.received[0] ?? {};
    expect(parameters?.['grant_type']).toBe('urn:ietf:params:oauth:grant-type:device_code');
  });

  it('shows what to do in the Temporal UI, and nothing that is secret', async () => {
    const connectionId = await put('shown');
    server.tokens.otherwise = PENDING;
    const device = await begin(connectionId);
    const workflowId = `oauth-authorization/${device.authorizationId}`;
    const handle = system.client.workflow.getHandle(workflowId);
    const details = async () => JSON.stringify(await handle.query('__temporal_workflow_metadata'));
    await expect.poll(details, { timeout: 20_000 }).toContain(device.userCode);
    expect(await details()).toContain(device.verificationUri);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
  });

  it('an unknown code, and one that expired, end it', async () => {
    const connectionId = await put('ends');
    for (const [error, type] of [
      ['expired_token', 'Authorization.expired'],
      ['access_denied', 'Authorization.denied'],
      ['invalid_grant', 'OAuth.invalid_grant'],
    ] as const) {
      server.tokens.script.push(refuse(error));
      const device = await begin(connectionId);
      expect((await failureOf(redeemed(system, device))).type).toBe(type);
    }
    expect(await tokenDocument(system, connectionId)).toMatchObject({ epoch: 1, access: null });
  });
});

/** One poll at a time, by a worker that has just started; the pauses between are skipped. */
describe('one poll after another', () => {
  async function pollOnce(connectionId: string, authorizationId: string) {
    await system.database.authorizations.updateOne(
      { _id: authorizationId },
      { $set: { pollAfter: new Date(0) } },
    );
    const { database, keys } = system;
    const activities = createIssueActivities({
      ...{ database, keys, network, worker: 'test', searchAttributes: false, events: null },
      journal: null,
      notices: { wake: () => Promise.resolve(), deliver: () => Promise.resolve() },
      lifecycle: { configure: () => Promise.resolve(true) },
    });
    const environment = new MockActivityEnvironment();
    type Poll = typeof activities.pollDeviceAuthorization;
    return environment.run<[RedeemAuthorizationInput], RedeemAuthorizationResult, Poll>(
      activities.pollDeviceAuthorization,
      { connectionId, authorizationId },
    );
  }

  async function startAlone(connectionId: string): Promise<string> {
    const { database, keys } = system;
    const device = await beginDeviceAuthorization(
      { database, keys, network },
      { connectionId, acceptNewSubject: false, startedBy: 'test' },
    );
    return device.authorizationId;
  }

  it('slow_down five times: the interval grows by 5 s each time, and stays (RFC 8628 §3.5)', async () => {
    const connectionId = await put('slow-down');
    const authorizationId = await startAlone(connectionId);
    const intervals: (number | null)[] = [];
    for (let count = 0; count < 5; count += 1) {
      server.tokens.script.push(refuse('slow_down'));
      intervals.push((await pollOnce(connectionId, authorizationId)).nextLookInMs);
    }
    server.tokens.script.push(PENDING);
    intervals.push((await pollOnce(connectionId, authorizationId)).nextLookInMs);
    const grown = [6_000, 11_000, 16_000, 21_000, 26_000, 26_000];
    intervals.forEach((interval, index) => {
      expect(interval).toBeLessThanOrEqual(grown[index] ?? 0);
      expect(interval).toBeGreaterThan((grown[index] ?? 0) - 1_000);
    });
    server.tokens.script.push(issue('at-last'));
    expect(await pollOnce(connectionId, authorizationId)).toMatchObject({ outcome: 'done' });
  });

  it('no answer doubles the pause; the poll after it may still connect', async () => {
    const connectionId = await put('no-answer');
    const authorizationId = await startAlone(connectionId);
    server.tokens.script.push('reset');
    const { nextLookInMs } = await pollOnce(connectionId, authorizationId);
    expect(nextLookInMs).toBeGreaterThan(1_500);
    expect(nextLookInMs).toBeLessThanOrEqual(2_000);
    server.tokens.script.push(issue('after-all'));
    expect(await pollOnce(connectionId, authorizationId)).toMatchObject({ outcome: 'done' });
  });

  it('a refusal after a lost answer means that the consent is lost with it', async () => {
    const connectionId = await put('lost');
    const authorizationId = await startAlone(connectionId);
    server.tokens.script.push('reset', refuse('invalid_grant'));
    await pollOnce(connectionId, authorizationId);
    const failure = await failureOf(pollOnce(connectionId, authorizationId));
    expect(failure.type).toBe('Authorization.lost');
    expect(await tokenDocument(system, connectionId)).toMatchObject({ epoch: 1, access: null });
  });

  it('a code that nobody entered in time ends without another poll', async () => {
    const connectionId = await put('late');
    const authorizationId = await startAlone(connectionId);
    await system.database.authorizations.updateOne(
      { _id: authorizationId },
      { $set: { expiresAt: new Date() } },
    );
    const failure = await failureOf(pollOnce(connectionId, authorizationId));
    expect(failure.type).toBe('Authorization.expired');
    expect(server.tokens.received).toHaveLength(0);
  });
});
