/** An answer with a rotated refresh token that could not be committed, and a worker that dies with it. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMongodb, type MongodbServer } from '../../dev/servers/mongodb.js';
import {
  issue,
  refuse,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
} from '../../src/testing/index.js';
import { createGate } from '../support/gate.js';
import { expireToken, tokenDocument } from '../support/token-records.js';
import { CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';

// These servers are our own; a person's running ones are neither killed nor restarted.
const external = Boolean(process.env['MONGODB_URI']);

describe.skipIf(external)('a worker with a journal', () => {
  let folder: string;
  let mongodb: MongodbServer;
  let system: TokenSystem;
  let endpoint: ScriptedAuthorizationServer;
  const workers: WorkerProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'journal-e2e-'));
    mongodb = await startMongodb({ dbPath: join(folder, 'data') });
    system = await startTokenSystem({ mongodbUri: mongodb.uri });
    endpoint = await startScriptedAuthorizationServer();
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
    await endpoint.stop();
    await system.close();
    await mongodb.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const journal = (): string => join(folder, 'journal');

  async function startWorker(): Promise<WorkerProcess> {
    const environment = { ...system.environment(), OAUTH_TOKENS_JOURNAL_DIR: journal() };
    const worker = await startWorkerProcess(environment);
    workers.push(worker);
    return worker;
  }

  async function put(name: string): Promise<string> {
    const file = system.connectionFile(name, {
      authorizationServer: { tokenEndpoint: endpoint.tokenEndpoint, requestTimeoutMs: 5_000 },
      grant: {
        ...{ grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
        rotation: 'strict',
      },
    });
    const environment = { CLIENT_SECRET, REFRESH_TOKEN: `marked-${name}-0` };
    return (await system.put(file, environment)).connectionId;
  }

  it('commits the answer that the last process on this disk received', async () => {
    const connectionId = await put('journaled');
    const first = await startWorker();
    const answer = createGate();
    endpoint.script.push(
      issue('marked-access-1', { refresh_token: 'marked-refresh-1' }),
      async () => {
        await answer.pass();
        return issue('marked-access-2', { refresh_token: 'marked-refresh-2' });
      },
      // A strict server: whoever presents the old one again has lost the grant.
      refuse('invalid_grant'),
    );
    await system.source().getAccessToken(connectionId);
    await expireToken(system, connectionId);
    const asked = system
      .source({ waitMs: 1_000 })
      .getAccessToken(connectionId)
      .catch(() => null);
    await expect.poll(() => answer.arrived(), { timeout: 30_000 }).toBe(1);
    const port = Number(new URL(mongodb.uri).port);
    process.kill(mongodb.pid ?? 0, 'SIGKILL');
    await mongodb.stop();
    answer.open();
    await expect
      .poll(() => first.stderr(), { timeout: 60_000 })
      .toContain('waits for MongoDB to be written');
    expect(await first.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    await asked;
    expect(await readdir(journal())).toHaveLength(1);

    mongodb = await startMongodb({ dbPath: join(folder, 'data'), port });
    const second = await startWorker();
    expect(await readdir(journal())).toEqual([]);
    expect(second.stderr()).toContain('journal');
    expect(await tokenDocument(system, connectionId)).toMatchObject({
      ...{ generation: 2, state: 'active', attempt: null, failures: 0 },
    });
    expect((await system.source().getAccessToken(connectionId)).reveal()).toBe('marked-access-2');
    expect(endpoint.received).toHaveLength(2);
    endpoint.script.splice(0, 1, issue('marked-access-3', { refresh_token: 'marked-refresh-3' }));
    // The killed worker's run may first have to notice that its attempt is over.
    await expireToken(system, connectionId);
    const patient = system.source({ waitMs: 90_000 });
    expect((await patient.getAccessToken(connectionId)).generation).toBe(3);
    expect(endpoint.received).toHaveLength(3);
    expect(endpoint.received.at(-1)?.parameters['refresh_token']).toBe('marked-refresh-2');
    for (const worker of workers) expect(worker.stderr()).not.toContain('marked-');
  });

  it('sends nothing when there is no space for the answer', async () => {
    const connectionId = await put('disk-full');
    const { length } = endpoint.received;
    await rm(journal(), { recursive: true });
    await writeFile(journal(), 'no folder any more');
    const source = system.source({ waitMs: 2_000 });
    await expect(source.getAccessToken(connectionId)).rejects.toMatchObject({
      type: expect.stringMatching(/^(Store\.unavailable|Token\.refresh_in_progress)$/) as string,
      nonRetryable: false,
    });
    expect(endpoint.received).toHaveLength(length);
    expect(await tokenDocument(system, connectionId)).toMatchObject({
      attempt: null,
      state: 'active',
    });

    await rm(journal());
    await (await startWorker()).end('SIGTERM');
    endpoint.script.push(issue('marked-access-1', { refresh_token: 'marked-refresh-1' }));
    const token = await system.source({ waitMs: 60_000 }).getAccessToken(connectionId);
    expect(token.generation).toBe(1);
  });
});
