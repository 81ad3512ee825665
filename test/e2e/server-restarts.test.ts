/** Temporal or MongoDB is gone for a while: who has a token goes on, the others recover. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMongodb, type MongodbServer } from '../../dev/servers/mongodb.js';
import { startTemporal, type TemporalServer } from '../../dev/servers/temporal.js';
import { createGate } from '../support/gate.js';
import { callAtOnce, expireToken, tokenDocument } from '../support/token-records.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';

// These servers are our own; a person's running ones are neither killed nor restarted.
const external = Boolean(process.env['TEMPORAL_ADDRESS'] ?? process.env['MONGODB_URI']);

const CALLS = 50;
const WORKFLOWS = 5;
/** A caller with a token in memory waits for nobody. */
const FROM_MEMORY_MS = 2_000;

const portOf = (address: string): number => Number(/:(\d+)(?:\/|$)/.exec(address)?.[1]);

/** Calls that have a token in memory, looked up again every 100 ms while the server is gone. */
async function expectCallsFromMemory(
  system: TokenSystem,
  source: ReturnType<TokenSystem['source']>,
  connectionId: string,
): Promise<void> {
  for (let call = 0; call < CALLS; call += 1) {
    const startedAt = performance.now();
    const response = await source.fetch(connectionId, `${system.api.origin}/v1/things`);
    await response.body?.cancel();
    expect(response.status).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(FROM_MEMORY_MS);
  }
}

async function startWorkflows(system: TokenSystem, connectionId: string) {
  return Promise.all(
    Array.from({ length: WORKFLOWS }, (_, index) =>
      system.client.workflow.start('ensureAccessToken', {
        workflowId: `ensure-${index}-${connectionId}`,
        taskQueue: system.taskQueue,
        args: [{ connectionId }],
      }),
    ),
  );
}

describe.skipIf(external).concurrent('while Temporal is restarted', () => {
  let folder: string;
  let temporal: TemporalServer;
  let system: TokenSystem;
  let worker: WorkerProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'temporal-restart-'));
    temporal = await startTemporal({ dbFilename: join(folder, 'temporal.db') });
    system = await startTokenSystem({
      temporalAddress: temporal.address,
      authorizationServer: { accessTokenTtlSeconds: 60 },
    });
    worker = await startWorkerProcess(system.environment());
  });
  afterAll(async () => {
    await worker.end('SIGTERM');
    await system.close();
    await temporal.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('serves tokens from memory and from MongoDB, and requests the others afterwards', async ({
    expect,
  }) => {
    const { authorizationServer } = system;
    const inMemory = (await system.put(system.connectionFile('in-memory'))).connectionId;
    const expired = (await system.put(system.connectionFile('expired'))).connectionId;
    const underWay = (await system.put(system.connectionFile('under-way'))).connectionId;
    const source = system.source({ maxAgeMs: 100 });
    await source.getAccessToken(inMemory);
    await source.getAccessToken(expired);
    await expireToken(system, expired);

    // A token request is under way when Temporal goes; its answer comes while it is gone.
    const answer = createGate();
    authorizationServer.hooks.onTokenResponse = () => answer.pass();
    const handles = await startWorkflows(system, underWay);
    await expect.poll(() => answer.arrived(), { timeout: 30_000 }).toBe(1);
    const before = authorizationServer.countTokenRequests();
    process.kill(temporal.pid ?? 0, 'SIGKILL');
    await temporal.stop();
    authorizationServer.hooks.onTokenResponse = null;
    answer.open();

    await expectCallsFromMemory(system, source, inMemory);
    expect((await system.source().getAccessToken(inMemory)).generation).toBe(1);
    // Committed although nobody could be told.
    const generationUnderWay = async () => (await tokenDocument(system, underWay)).generation;
    await expect.poll(generationUnderWay, { timeout: 20_000 }).toBe(1);

    const impatient = system.source({ waitMs: 14_000 });
    const refused = await callAtOnce(10, () => impatient.getAccessToken(expired));
    expect(refused.generations).toEqual([]);
    for (const refusal of refused.refusals) {
      expect(refusal).toMatchObject({ type: 'Token.unavailable', final: false });
    }
    const patient = system.source({ waitMs: 90_000 });
    const waiting = callAtOnce(20, () => patient.getAccessToken(expired));

    temporal = await startTemporal({
      port: portOf(temporal.address),
      dbFilename: join(folder, 'temporal.db'),
    });
    expect(await waiting).toEqual({ generations: Array<number>(20).fill(2), refusals: [] });
    const tokens = await Promise.all(handles.map((handle) => handle.result()));
    expect(tokens).toHaveLength(WORKFLOWS);
    for (const token of tokens) expect(token).toMatchObject({ generation: 1 });
    expect(authorizationServer.countTokenRequests() - before).toBe(1);
  });
});

describe.skipIf(external).concurrent('while MongoDB is restarted', () => {
  let folder: string;
  let mongodb: MongodbServer;
  let system: TokenSystem;
  let worker: WorkerProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mongodb-restart-'));
    mongodb = await startMongodb({ dbPath: join(folder, 'data') });
    system = await startTokenSystem({
      mongodbUri: mongodb.uri,
      authorizationServer: { accessTokenTtlSeconds: 60 },
    });
    worker = await startWorkerProcess(system.environment());
  });
  afterAll(async () => {
    await worker.end('SIGTERM');
    await system.close();
    await mongodb.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('serves tokens from memory, and commits afterwards what was answered meanwhile', async ({
    expect,
  }) => {
    const { authorizationServer } = system;
    const inMemory = (await system.put(system.connectionFile('in-memory'))).connectionId;
    const underWay = (await system.put(system.connectionFile('under-way'))).connectionId;
    const asked = (await system.put(system.connectionFile('asked-meanwhile'))).connectionId;
    const source = system.source({ maxAgeMs: 100 });
    const response = await source.fetch(inMemory, `${system.api.origin}/v1/things`);
    expect(response.status).toBe(200);

    // A token request is under way when MongoDB goes; its answer comes while it is gone.
    const answer = createGate();
    authorizationServer.hooks.onTokenResponse = () => answer.pass();
    const handles = await startWorkflows(system, underWay);
    await expect.poll(() => answer.arrived(), { timeout: 30_000 }).toBe(1);
    const before = authorizationServer.countTokenRequests();
    process.kill(mongodb.pid ?? 0, 'SIGKILL');
    await mongodb.stop();
    authorizationServer.hooks.onTokenResponse = null;
    answer.open();

    await expectCallsFromMemory(system, source, inMemory);
    const others = await startWorkflows(system, asked);
    // The first try to write the answer has failed, and the activity holds on to it.
    await expect
      .poll(() => worker.stderr(), { timeout: 30_000 })
      .toContain('waits for MongoDB to be written');
    expect((await source.getAccessToken(inMemory)).generation).toBe(1);

    mongodb = await startMongodb({ dbPath: join(folder, 'data'), port: portOf(mongodb.uri) });
    const tokens = await Promise.all([...handles, ...others].map((handle) => handle.result()));
    expect(tokens).toHaveLength(2 * WORKFLOWS);
    for (const token of tokens) expect(token).toMatchObject({ generation: 1 });
    // The request that was under way brought its token; the other connection needed one.
    expect(authorizationServer.countTokenRequests() - before).toBe(1);
    expect((await system.source().getAccessToken(inMemory)).generation).toBe(1);
  });
});
