/** Records histories of the workflows that wait for a person and that tell of events; see histories.record.ts. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { lifecycleWorkflowId } from '../../src/contract/names.js';
import { consentFile, startConsentSystem } from '../integration/consent-system.js';
import { deadGrant, livingGrant } from '../integration/grants-put-anew.js';
import { startRecordingServer, type RecordingServer } from '../integration/recording-server.js';
import { consentOnDevice } from '../support/consent.js';
import { forceRefresh } from '../support/token-records.js';
import type { TokenSystem } from '../support/token-system.js';
import { recordHistory } from './record-history.js';

let system: TokenSystem;
let receiver: RecordingServer;

beforeAll(async () => {
  system = await startConsentSystem();
  receiver = await startRecordingServer((_request, response) => void response.writeHead(204).end());
  const secretFile = join(inject('scratch'), `webhook-${system.id}`);
  await writeFile(secretFile, `whsec_${randomBytes(32).toString('base64')}`);
  await system.startWorker({ events: { webhook: { url: receiver.origin, secretFile } } });
});
afterAll(async () => {
  await system.close();
  await receiver.stop();
});

const start = (workflowType: string, workflowId: string, input: unknown) =>
  system.client.workflow.start(workflowType, {
    ...{ taskQueue: system.taskQueue, workflowId: `${workflowId}-${system.id}`, args: [input] },
  });

const record = (name: string, workflowId: string): Promise<void> =>
  recordHistory(name, { address: system.address, workflowId });

const parked = (connectionId: string, count: number): Promise<void> =>
  expect
    .poll(() => system.database.parked.countDocuments({ connectionId }), { timeout: 30_000 })
    .toBe(count);

it('work that was parked twice and resumed, a wait for a person, and both again cut short', async () => {
  const { connectionId, consent } = await deadGrant(system, 'parked');
  const wanted = { connectionId, onReauthorization: 'wait' };
  const working = await start('ensureAccessToken', 'parked', wanted);
  const waiting = await start('authorizeConnection', 'waiting', { connectionId });
  await parked(connectionId, 2);
  // Its next look would come after its time.
  const late = await start('ensureAccessToken', 'late', { ...wanted, timeoutMs: 4_000 });
  await expect(late.result()).rejects.toThrow();
  const short = { connectionId, timeoutMs: 1_000 };
  const expired = await start('authorizeConnection', 'expired', short);
  await expect(expired.result()).rejects.toThrow();
  // Woken too early: still dead.
  await working.signal('authorized', { connectionId, epoch: 1 });
  await expect
    .poll(async () => (await working.describe()).raw.pendingActivities?.[0]?.activityId)
    .toBe('2');
  await consent();
  await Promise.all([working.result(), waiting.result()]);
  await record('parked-and-resumed', working.workflowId);
  await record('parked-too-late', late.workflowId);
  await record('authorize-connection', waiting.workflowId);
  await record('authorize-connection-expired', expired.workflowId);
});

it('a device, and what redeems its consent', async () => {
  const file = consentFile(system, 'device', { grant: { grantType: 'device_code' } });
  const { connectionId } = await system.put(file);
  const waiting = await start('authorizeConnection', 'device', { connectionId });
  const status = () =>
    waiting.query<{ userCode: string | null; verificationUri: string | null }, []>('authorization');
  await expect.poll(async () => (await status()).userCode, { timeout: 30_000 }).not.toBeNull();
  const { userCode, verificationUri } = await status();
  await consentOnDevice(verificationUri ?? '', userCode);
  await waiting.result();
  await record('authorize-connection-device', waiting.workflowId);
});

it('a lifecycle that announces, and a delivery', async () => {
  const { connectionId } = await livingGrant(system, 'announced');
  await system.source().getAccessToken(connectionId);
  system.authorizationServer.revokeAllGrants();
  await forceRefresh(system, connectionId);
  const told = () => receiver.received.map(({ headers }) => String(headers['webhook-id']));
  const id = () => told().find((one) => one.startsWith(`${connectionId}/`));
  await expect.poll(id, { timeout: 30_000 }).toBeDefined();
  const delivery = `oauth-event/${id() ?? ''}`;
  await system.client.workflow.getHandle(delivery).result();
  await record('announced', lifecycleWorkflowId(connectionId));
  await record('deliver-event', delivery);
});
