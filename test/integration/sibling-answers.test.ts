/** Two requests with one refresh token, both answered: the first one's owner was taken for dead. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createGate } from '../support/gate.js';
import {
  issue,
  refuse,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
  type TokenReply,
} from '../../src/testing/index.js';
import { expireToken, forceRefresh, tokenDocument } from '../support/token-records.js';
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

const presented = (): (string | undefined)[] =>
  endpoint.received.map(({ parameters }) => parameters['refresh_token']);

interface TwoRequests {
  connectionId: string;
  /** Lets the answers of the first and of the second request go. */
  first: { open: () => void };
  second: { open: () => void };
}

/** Generation 1, then two requests with `refresh-1` under way, whose answers wait. */
async function sendTwice(name: string, answers: [TokenReply, TokenReply]): Promise<TwoRequests> {
  const { tokenEndpoint } = endpoint;
  const file = system.connectionFile(name, {
    authorizationServer: { tokenEndpoint },
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  const environment = { CLIENT_SECRET, REFRESH_TOKEN: 'refresh-0' };
  const { connectionId } = await system.put(file, environment);
  const first = createGate();
  const second = createGate();
  endpoint.script.push(
    issue('access-1', { refresh_token: 'refresh-1' }),
    async () => {
      await first.pass();
      return answers[0];
    },
    async () => {
      await second.pass();
      return answers[1];
    },
  );
  const source = system.source();
  await source.getAccessToken(connectionId);
  await expireToken(system, connectionId);
  void system
    .source()
    .getAccessToken(connectionId)
    .catch(() => undefined);
  await expect.poll(() => first.arrived(), { timeout: 20_000 }).toBe(1);
  // The run is gone, and the time of its request over: the next run takes over.
  await system.client.workflow.getHandle(`oauth-token/${connectionId}`).terminate('test');
  const past = { $set: { 'attempt.deadline': new Date(0) } };
  await system.database.tokens.updateOne({ _id: connectionId }, past);
  void system
    .source()
    .getAccessToken(connectionId)
    .catch(() => undefined);
  await expect.poll(() => second.arrived(), { timeout: 20_000 }).toBe(1);
  expect(presented()).toEqual(['refresh-0', 'refresh-1', 'refresh-1']);
  return { connectionId, first, second };
}

const ANSWERS: [TokenReply, TokenReply] = [
  issue('access-2', { refresh_token: 'refresh-2' }),
  issue('access-3', { refresh_token: 'refresh-3' }),
];

const untilGeneration = (connectionId: string, generation: number) =>
  expect
    .poll(async () => (await tokenDocument(system, connectionId)).generation, { timeout: 20_000 })
    .toBe(generation);

const untilKept = (connectionId: string) =>
  expect
    .poll(async () => (await tokenDocument(system, connectionId)).candidates.length, {
      timeout: 20_000,
    })
    .toBe(1);

/** The newer refresh token is refused: the sibling's is tried, once, before anybody is bothered. */
async function expectSiblingTried(connectionId: string): Promise<void> {
  const { generation } = await tokenDocument(system, connectionId);
  expect((await system.source().getAccessToken(connectionId)).reveal()).toBe('access-3');
  endpoint.script.push(refuse('invalid_grant'), issue('access-4', { refresh_token: 'refresh-4' }));
  expect(await forceRefresh(system, connectionId)).toMatchObject({
    outcome: 'issued',
    token: { epoch: 1, generation: generation + 1 },
  });
  expect(presented().slice(3)).toEqual(['refresh-3', 'refresh-2']);
  const { state, candidates } = await tokenDocument(system, connectionId);
  expect({ state, candidates }).toEqual({ state: 'active', candidates: [] });
  endpoint.script.push(issue('access-5', { refresh_token: 'refresh-5' }));
  expect(await forceRefresh(system, connectionId)).toMatchObject({ outcome: 'issued' });
  expect(presented().at(-1)).toBe('refresh-4');
}

it('keeps the refresh token of the answer that a later one replaces', async () => {
  const { connectionId, first, second } = await sendTwice('replaced', ANSWERS);
  first.open();
  await untilGeneration(connectionId, 2);
  second.open();
  await untilGeneration(connectionId, 3);
  await untilKept(connectionId);
  await expectSiblingTried(connectionId);
});

it('keeps the refresh token of an answer that comes after the later one was stored', async () => {
  const { connectionId, first, second } = await sendTwice('late', ANSWERS);
  second.open();
  await untilGeneration(connectionId, 2);
  first.open();
  await untilKept(connectionId);
  await expectSiblingTried(connectionId);
});

it('asks for a person when the refresh tokens of both answers are refused', async () => {
  const { connectionId, first, second } = await sendTwice('both-refused', ANSWERS);
  second.open();
  await untilGeneration(connectionId, 2);
  first.open();
  await untilKept(connectionId);
  endpoint.script.push(refuse('invalid_grant'), refuse('invalid_grant'));
  expect(await forceRefresh(system, connectionId)).toMatchObject({
    outcome: 'failed',
    failure: { type: 'Token.reauthorization_required', final: true },
  });
  expect(presented().slice(3)).toEqual(['refresh-3', 'refresh-2']);
  const { state, lastOutcome } = await tokenDocument(system, connectionId);
  expect({ state, reason: lastOutcome?.reason }).toEqual({
    state: 'reauthorization_required',
    reason: 'lost_rotation',
  });
});

it('is brought back by a late answer after the second request was refused', async () => {
  const [answer] = ANSWERS;
  const twice = await sendTwice('back', [answer, refuse('invalid_grant')]);
  const { connectionId, first, second } = twice;
  second.open();
  await expect
    .poll(async () => (await tokenDocument(system, connectionId)).state, { timeout: 20_000 })
    .toBe('reauthorization_required');
  first.open();
  await untilGeneration(connectionId, 2);
  expect((await tokenDocument(system, connectionId)).state).toBe('active');
  expect((await system.source().getAccessToken(connectionId)).reveal()).toBe('access-2');
});
