/** The records change behind everybody's back: a connection made anew, an older dump restored. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { removeConnection } from '../../src/connections/index.js';
import type { ConnectionDocument, TokenDocument } from '../../src/store/index.js';
import { createLifecycleClient } from '../../src/tokens/index.js';
import { createGate } from '../support/gate.js';
import { callAtOnce, expireToken, forceRefresh, tokenDocument } from '../support/token-records.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  startTokenSystem,
  type TokenSystem,
} from '../support/token-system.js';

const CALLERS = 20;

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 60 } });
  await system.startWorker();
});
afterAll(() => system.close());
afterEach(() => {
  system.authorizationServer.hooks.onTokenResponse = null;
});

const requests = (): number => system.authorizationServer.countTokenRequests();
const apiUrl = (): string => `${system.api.origin}/v1/things`;

async function remove(connectionId: string): Promise<void> {
  const { connection, taskQueue, database } = system;
  const lifecycle = createLifecycleClient({ connection, namespace: 'default', taskQueue });
  const { removed } = await removeConnection({ database, lifecycle }, connectionId);
  expect(removed).toBe(true);
}

describe('a connection that was removed and put again', () => {
  it('gives the next caller a token of its own', async () => {
    const file = system.connectionFile('put-again');
    const { connectionId } = await system.put(file);
    const source = system.source({ maxAgeMs: 100 });
    const old = await source.getAccessToken(connectionId);
    await remove(connectionId);
    await expect(system.source().getAccessToken(connectionId)).rejects.toMatchObject({
      type: 'Connection.not_found',
      nonRetryable: true,
    });
    const before = requests();
    expect(await system.put(file)).toMatchObject({ created: true, generation: 0 });
    const token = await system.source().getAccessToken(connectionId);
    expect(token).toMatchObject({ epoch: 1, generation: 1 });
    expect(token.reveal()).not.toBe(old.reveal());
    // Who had the old one in memory gets the new one once the memory is looked up.
    const inMemory = async () => (await source.getAccessToken(connectionId)).reveal();
    await expect.poll(inMemory, { timeout: 10_000 }).toBe(token.reveal());
    expect(requests() - before).toBe(1);
  });

  it('is not disturbed by the answer to a request that was under way', async () => {
    const file = system.connectionFile('put-again-during');
    const { connectionId } = await system.put(file);
    const answer = createGate();
    system.authorizationServer.hooks.onTokenResponse = () => answer.pass();
    const before = requests();
    const early = callAtOnce(CALLERS, () => system.source().getAccessToken(connectionId));
    await expect.poll(() => answer.arrived(), { timeout: 20_000 }).toBe(1);
    const { incarnation } = await tokenDocument(system, connectionId);
    await remove(connectionId);
    await system.put(file);
    const source = system.source();
    const next = callAtOnce(CALLERS, () => source.getAccessToken(connectionId));
    await expect.poll(() => answer.arrived(), { timeout: 20_000 }).toBe(2);
    answer.open();
    expect(await next).toEqual({ generations: Array<number>(CALLERS).fill(1), refusals: [] });
    for (const { type } of (await early).refusals) expect(type).toBe('Connection.not_found');
    const now = await tokenDocument(system, connectionId);
    expect(now.incarnation).not.toBe(incarnation);
    expect(now.generation).toBe(1);
    expect(requests() - before).toBe(2);
    expect((await source.fetch(connectionId, apiUrl())).status).toBe(200);
  });
});

interface Dump {
  connections: ConnectionDocument[];
  tokens: TokenDocument[];
}

/** What a tool like mongodump would keep of one connection. */
async function dump(connectionId: string): Promise<Dump> {
  const { connections, tokens } = system.database;
  return {
    connections: await connections.find({ _id: connectionId }).toArray(),
    tokens: await tokens.find({ _id: connectionId }).toArray(),
  };
}

async function restore(saved: Dump): Promise<void> {
  const { connections, tokens } = system.database;
  for (const document of saved.connections) {
    await connections.replaceOne({ _id: document._id }, document, { upsert: true });
  }
  for (const document of saved.tokens) {
    await tokens.replaceOne({ _id: document._id }, document, { upsert: true });
  }
}

/** A dump of a token request under way, as old as dumps are. */
function anHourOld({ connections, tokens }: Dump): Dump {
  const earlier = (at: Date): Date => new Date(at.getTime() - 3_600_000);
  const [token] = tokens;
  if (!token?.attempt) throw new Error('no token request was under way');
  const { sentAt, deadline } = token.attempt;
  const attempt = { ...token.attempt, sentAt: earlier(sentAt), deadline: earlier(deadline) };
  return { connections, tokens: [{ ...token, attempt }] };
}

describe('an older database dump that was restored', () => {
  it('gives a token to those who have a newer one in memory and to those who have none', async () => {
    const { connectionId } = await system.put(system.connectionFile('restored'));
    await system.source().getAccessToken(connectionId);
    const saved = await dump(connectionId);
    await forceRefresh(system, connectionId);
    await forceRefresh(system, connectionId);
    const source = system.source({ maxAgeMs: 50 });
    expect((await source.getAccessToken(connectionId)).generation).toBe(3);
    await restore(saved);
    const before = requests();
    for (let call = 0; call < 20; call += 1) {
      expect((await source.fetch(connectionId, apiUrl())).status).toBe(200);
      const other = system.source();
      expect((await other.getAccessToken(connectionId)).generation).toBe(1);
      expect((await other.fetch(connectionId, apiUrl())).status).toBe(200);
    }
    expect(requests() - before).toBe(0);
  });

  it('has the next token requested under a question that was answered long ago', async () => {
    const { connectionId } = await system.put(system.connectionFile('restored-expired'));
    const empty = await dump(connectionId);
    await system.source().getAccessToken(connectionId);
    await expireToken(system, connectionId);
    const expired = await dump(connectionId);
    expect((await system.source().getAccessToken(connectionId)).generation).toBe(2);
    const before = requests();
    for (const [index, saved] of [expired, empty, expired].entries()) {
      await restore(saved);
      const source = system.source();
      const { generations, refusals } = await callAtOnce(CALLERS, () =>
        source.getAccessToken(connectionId),
      );
      expect(refusals).toEqual([]);
      expect(new Set(generations).size).toBe(1);
      expect(requests() - before).toBe(index + 1);
      expect((await source.fetch(connectionId, apiUrl())).status).toBe(200);
    }
  });

  it('gives a token when the dump was made during a token request', async () => {
    const refreshToken = await system.authorizationServer.mintRefreshToken({
      ...{ clientId: CLIENT_ID, accountId: 'restored', scope: 'things:read' },
    });
    const file = system.connectionFile('restored-attempt', {
      grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
    });
    const { connectionId } = await system.put(file, { CLIENT_SECRET, REFRESH_TOKEN: refreshToken });
    const answer = createGate();
    system.authorizationServer.hooks.onTokenResponse = () => answer.pass();
    const first = system.source().getAccessToken(connectionId);
    await expect.poll(() => answer.arrived(), { timeout: 20_000 }).toBe(1);
    const saved = await dump(connectionId);
    answer.open();
    await first;
    await restore(anHourOld(saved));
    const before = requests();
    const { generations, refusals } = await callAtOnce(CALLERS, () =>
      system.source().getAccessToken(connectionId),
    );
    expect(refusals).toEqual([]);
    expect(new Set(generations)).toEqual(new Set([1]));
    expect(requests() - before).toBe(1);
  });

  it('does not make a process use a refused token of before the restore again and again', async () => {
    const { connectionId } = await system.put(system.connectionFile('restored-refused'));
    await system.source().getAccessToken(connectionId);
    const saved = await dump(connectionId);
    await forceRefresh(system, connectionId);
    const source = system.source();
    expect((await source.getAccessToken(connectionId)).generation).toBe(2);
    await restore(saved);
    system.authorizationServer.revokeAllAccessTokens();
    // The newer token in memory is refused, then the older one of the dump.
    expect((await source.fetch(connectionId, apiUrl())).status).toBe(401);
    expect((await source.fetch(connectionId, apiUrl())).status).toBe(200);
    const before = system.api.counts().total;
    for (let call = 0; call < 5; call += 1) {
      expect((await source.fetch(connectionId, apiUrl())).status).toBe(200);
    }
    expect(system.api.counts().total - before).toBe(5);
  });
});
