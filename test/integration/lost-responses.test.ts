/** A refresh whose answer never arrives: the authorization server may have rotated all the same. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  issue,
  refuse,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
  type TokenReply,
} from '../../src/testing/index.js';
import { createGate } from '../support/gate.js';
import { callAtOnce, forceRefresh, tokenDocument } from '../support/token-records.js';
import { CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';

let system: TokenSystem;
let endpoint: ScriptedAuthorizationServer;

beforeAll(async () => {
  system = await startTokenSystem();
  await system.startWorker();
});
afterAll(() => system.close());
beforeEach(async () => {
  endpoint = await startScriptedAuthorizationServer();
});
afterEach(() => endpoint.stop());

async function put(name: string, refreshToken: string): Promise<string> {
  const { tokenEndpoint } = endpoint;
  const file = system.connectionFile(name, {
    authorizationServer: { tokenEndpoint },
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  const environment = { CLIENT_SECRET, REFRESH_TOKEN: refreshToken };
  return (await system.put(file, environment)).connectionId;
}

const presented = (): (string | undefined)[] =>
  endpoint.received.map(({ parameters }) => parameters['refresh_token']);

interface LostAnswer {
  connectionId: string;
  /** Answers the second request with the same refresh token, which waits until then. */
  answerProbe: (reply: TokenReply) => void;
}

/** Obtains generation 1, then loses the answer to the next refresh. */
async function loseAnswer(name: string): Promise<LostAnswer> {
  const connectionId = await put(name, 'refresh-0');
  const gate = createGate();
  let probeReply: TokenReply = 'hang';
  endpoint.script.push(
    issue('access-1', { refresh_token: 'refresh-1' }),
    'reset',
    async (): Promise<TokenReply> => {
      await gate.pass();
      return probeReply;
    },
  );
  await system.source().getAccessToken(connectionId);
  const answer = await forceRefresh(system, connectionId);
  expect(answer).toMatchObject({
    outcome: 'failed',
    failure: { type: 'OAuth.unreachable', final: false },
  });
  const answerProbe = (reply: TokenReply): void => {
    probeReply = reply;
    gate.open();
  };
  return { connectionId, answerProbe };
}

/** The old token serves, from memory and from the store, and nobody is kept waiting. */
async function expectOldTokenServes(connectionId: string): Promise<void> {
  const { state, generation, unknown } = await tokenDocument(system, connectionId);
  expect({ state, generation, unknown: unknown.length }).toEqual({
    state: 'at_risk',
    generation: 1,
    unknown: 1,
  });
  const sources = [system.source(), system.source()];
  const { generations, refusals } = await callAtOnce(40, async (index) =>
    (sources[index % 2] ?? system.source()).getAccessToken(connectionId),
  );
  expect(refusals).toEqual([]);
  expect(new Set(generations)).toEqual(new Set([1]));
}

it('serves the old token while an answer is lost, asks once more, and goes on when that works', async () => {
  const { connectionId, answerProbe } = await loseAnswer('lost-then-issued');
  await expectOldTokenServes(connectionId);
  await expect.poll(() => endpoint.received.length, { timeout: 20_000 }).toBe(3);
  await expectOldTokenServes(connectionId);
  answerProbe(issue('access-2', { refresh_token: 'refresh-2' }));
  await expect
    .poll(async () => (await tokenDocument(system, connectionId)).generation, { timeout: 20_000 })
    .toBe(2);
  const { state, epoch, unknown, failures } = await tokenDocument(system, connectionId);
  expect({ state, epoch, unknown, failures }).toEqual({
    state: 'active',
    epoch: 1,
    unknown: [],
    failures: 0,
  });
  const token = await system.source().getAccessToken(connectionId);
  expect(token.reveal()).toBe('access-2');
  expect(presented()).toEqual(['refresh-0', 'refresh-1', 'refresh-1']);

  endpoint.script.push(issue('access-3', { refresh_token: 'refresh-3' }));
  expect(await forceRefresh(system, connectionId)).toMatchObject({ outcome: 'issued' });
  expect(presented().at(-1)).toBe('refresh-2');
});

it('asks for a person when the one probe after a lost answer is refused, and asks no more', async () => {
  const { connectionId, answerProbe } = await loseAnswer('lost-then-refused');
  await expectOldTokenServes(connectionId);
  answerProbe(refuse('invalid_grant'));
  await expect
    .poll(async () => (await tokenDocument(system, connectionId)).state, { timeout: 20_000 })
    .toBe('reauthorization_required');
  const { lastOutcome } = await tokenDocument(system, connectionId);
  expect(lastOutcome).toMatchObject({ type: 'OAuth.invalid_grant', reason: 'lost_rotation' });
  const source = system.source();
  const { generations, refusals } = await callAtOnce(20, () => source.getAccessToken(connectionId));
  expect(generations).toEqual([]);
  expect(new Set(refusals.map(({ type, final }) => `${type} ${final}`))).toEqual(
    new Set(['Token.reauthorization_required true']),
  );
  expect(presented()).toEqual(['refresh-0', 'refresh-1', 'refresh-1']);

  // A person consents again: the next epoch.
  endpoint.script.push(issue('access-2', { refresh_token: 'refresh-3' }));
  await put('lost-then-refused', 'refresh-2');
  const token = await system.source().getAccessToken(connectionId);
  expect(token).toMatchObject({ epoch: 2, generation: 2 });
  expect(presented().at(-1)).toBe('refresh-2');
});

it('fails retryably when an answer was lost and nothing usable is stored, then serves everybody', async () => {
  const connectionId = await put('lost-and-missing', 'refresh-0');
  const probe = createGate();
  endpoint.script.push('reset', async () => {
    await probe.pass();
    return issue('access-1', { refresh_token: 'refresh-1' });
  });
  const source = system.source();
  const first = await callAtOnce(20, () => source.getAccessToken(connectionId));
  expect(first.generations).toEqual([]);
  expect(first.refusals.every(({ final }) => !final)).toBe(true);
  expect((await tokenDocument(system, connectionId)).state).toBe('at_risk');
  await expect.poll(() => probe.arrived(), { timeout: 20_000 }).toBe(1);
  const waiting = callAtOnce(20, () => source.getAccessToken(connectionId));
  probe.open();
  expect(await waiting).toEqual({ generations: Array<number>(20).fill(1), refusals: [] });
  expect(presented()).toEqual(['refresh-0', 'refresh-0']);
});
