/** Processes that do not have the new keys yet, while records are sealed with them (fault 42). */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { run } from '../cli/run.js';
import { bundleWithTimeouts } from '../support/short-bundle.js';
import { addActiveKeys, copyKeyFile, removeKeys } from '../support/key-files.js';
import { forceRefresh, tokenDocument } from '../support/token-records.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  startTokenSystem,
  type TokenSystem,
} from '../support/token-system.js';
import { failureOf } from './expected-failure.js';

let system: TokenSystem;
let oldFile: string;
let workflowBundle: { code: string };
let sequence = 0;

beforeAll(async () => {
  system = await startTokenSystem({
    authorizationServer: { rotateRefreshToken: true, accessTokenTtlSeconds: 600 },
  });
  workflowBundle = await bundleWithTimeouts({});
});
afterAll(() => system.close());

/** A connection with an imported refresh token. */
async function putImported() {
  sequence += 1;
  const refreshToken = await system.authorizationServer.mintRefreshToken({
    ...{ clientId: CLIENT_ID, accountId: `person-${sequence}`, scope: 'openid offline_access' },
  });
  const file = system.connectionFile(`old-keys-${sequence}`, {
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  const environment = { CLIENT_SECRET, REFRESH_TOKEN: refreshToken };
  await system.put(file, environment);
  return { file, environment, connectionId: file.connectionId };
}

const startWorker = (keys: string) =>
  system.startWorker({ keys, workerOptions: { workflowBundle } });

const rotate = (timeout: string) =>
  run(['keys', 'rotate', '--json', '--timeout', timeout], system.environment());

it('an old worker serves what it can, the rotation waits for one with the keys, and then ends', async () => {
  const { file, environment, connectionId } = await putImported();
  oldFile = await copyKeyFile(
    system.keysFile,
    join(inject('scratch'), `old-keys-${system.id}.json`),
  );
  const oldWorker = await startWorker(oldFile);
  expect((await system.source().getAccessToken(connectionId)).generation).toBe(1);
  const { kids: before } = await tokenDocument(system, connectionId);
  const kids = await addActiveKeys(system.keysFile);

  // Nobody has the new keys: nothing is broken, and people learn what it waits for.
  const waited = await rotate('4s');
  expect(waited.exitStatus).toBe(1);
  expect(waited.error()).toMatchObject({ type: 'Keys.rotation_in_progress', final: false });
  expect(waited.error().message).toContain('has 2 records left after 4s and goes on');
  const handle = system.client.workflow.getHandle(`oauth-keys/rotate/${system.taskQueue}`);
  const [pending] = (await handle.describe()).raw.pendingActivities ?? [];
  expect(pending?.lastFailure?.message).toContain(`This worker has no access key ${kids.access}`);
  expect((await forceRefresh(system, connectionId)).outcome).toBe('issued');
  const holder = system.source({ keys: oldFile });
  expect((await holder.getAccessToken(connectionId)).generation).toBe(2);

  await oldWorker.stop();
  const worker = await startWorker(system.keysFile);
  const rotated = await rotate('60s');
  expect(rotated.json()).toMatchObject({ left: 0, retired: before.sort() });
  await worker.stop();
  const { state, kids: after, failures } = await tokenDocument(system, connectionId);
  expect(after.sort()).toEqual([kids.access, kids.grant].sort());

  // Whoever has the token in memory goes on with it; whoever would have to open it is told, for now.
  expect((await holder.getAccessToken(connectionId)).generation).toBe(2);
  const refusal = await failureOf(system.source({ keys: oldFile }).getAccessToken(connectionId));
  expect(refusal).toMatchObject({ type: 'Store.key_unavailable' });
  expect(refusal.nonRetryable).not.toBe(true);
  const again = await startWorker(oldFile);
  expect(await forceRefresh(system, connectionId)).toMatchObject({
    ...{ outcome: 'failed', failure: { type: 'Store.key_unavailable', final: false } },
  });
  const untouched = await tokenDocument(system, connectionId);
  expect(untouched).toMatchObject({ state, attempt: null, generation: 2 });
  expect(untouched.failures).toBeGreaterThanOrEqual(failures);
  await again.stop();
  // With a worker that has the keys the attempt that waited is made.
  await startWorker(system.keysFile);
  await expect
    .poll(async () => (await tokenDocument(system, connectionId)).generation, { timeout: 60_000 })
    .toBe(3);

  // The old keys are gone for good: the same file changes nothing, the rotated token stays.
  await removeKeys(system.keysFile, before);
  const requests = system.authorizationServer.countTokenRequests();
  const put = await system.put(file, environment);
  expect(put).toMatchObject({ created: false, changed: [], epoch: 1 });
  expect(system.authorizationServer.countTokenRequests()).toBe(requests);
  expect((await forceRefresh(system, connectionId)).outcome).toBe('issued');
  expect(system.authorizationServer.countTokenRequests({ outcome: 'refused' })).toBe(0);
});
