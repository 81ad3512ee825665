/** Somebody cancels, terminates or resets a lifecycle's run in the Temporal UI, during a refresh. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createGate } from '../support/gate.js';
import { callAtOnce, expireToken, tokenDocument } from '../support/token-records.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  startTokenSystem,
  type TokenSystem,
} from '../support/token-system.js';

let system: TokenSystem;

beforeAll(async () => {
  // Strict: a second request with one refresh token would end the grant.
  system = await startTokenSystem({ authorizationServer: { rotateRefreshToken: true } });
  await system.startWorker();
});
afterAll(() => system.close());
afterEach(() => {
  system.authorizationServer.hooks.onTokenResponse = null;
});

const CALLERS = 20;

async function putRotating(name: string): Promise<string> {
  const refreshToken = await system.authorizationServer.mintRefreshToken({
    ...{ clientId: CLIENT_ID, accountId: name, scope: 'things:read' },
  });
  const file = system.connectionFile(name, {
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  const environment = { CLIENT_SECRET, REFRESH_TOKEN: refreshToken };
  return (await system.put(file, environment)).connectionId;
}

const handleOf = (connectionId: string) =>
  system.client.workflow.getHandle(`oauth-token/${connectionId}`);

/** Resets the run to one of its workflow tasks, as the UI does. */
async function reset(connectionId: string, which: 'first' | 'last'): Promise<void> {
  const handle = handleOf(connectionId);
  const { events } = await handle.fetchHistory();
  const tasks = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
  const task = which === 'first' ? tasks[0] : tasks.at(-1);
  const { runId } = await handle.describe();
  await system.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: handle.workflowId, runId },
    reason: 'test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: task?.eventId ?? null,
  });
  const { runId: resetRunId } = await handle.describe();
  expect(resetRunId).not.toBe(runId);
}

const DISTURBANCES: Record<string, (connectionId: string) => Promise<unknown>> = {
  cancelled: (connectionId) => handleOf(connectionId).cancel(),
  terminated: (connectionId) => handleOf(connectionId).terminate('test'),
  'reset to its first workflow task': (connectionId) => reset(connectionId, 'first'),
  'reset to its last workflow task': (connectionId) => reset(connectionId, 'last'),
};

it.for(Object.entries(DISTURBANCES))(
  'gives a token to each caller when the run is %s during a refresh',
  async ([name, disturb]) => {
    const connectionId = await putRotating(name.replaceAll(' ', '-'));
    const requests = (): number => system.authorizationServer.countTokenRequests();
    await system.source().getAccessToken(connectionId);
    await expireToken(system, connectionId);

    const answer = createGate();
    system.authorizationServer.hooks.onTokenResponse = () => answer.pass();
    const before = requests();
    const sources = [system.source(), system.source()];
    const callers = callAtOnce(CALLERS, async (index) =>
      (sources[index % 2] ?? system.source()).getAccessToken(connectionId),
    );
    await expect.poll(() => answer.arrived(), { timeout: 20_000 }).toBe(1);
    await disturb(connectionId);
    const late = system.source().getAccessToken(connectionId);
    answer.open();
    expect(await callers).toEqual({ generations: Array<number>(CALLERS).fill(2), refusals: [] });
    expect((await late).generation).toBe(2);
    expect(requests() - before).toBe(1);

    // The next refresh is like any other.
    await expireToken(system, connectionId);
    const token = await system.source().getAccessToken(connectionId);
    expect(token.generation).toBe(3);
    expect(requests() - before).toBe(2);
    expect((await tokenDocument(system, connectionId)).state).toBe('active');
  },
);

it('does not ask twice when the next run begins while a terminated one has a request under way', async () => {
  const connectionId = await putRotating('next-run');
  const answer = createGate();
  system.authorizationServer.hooks.onTokenResponse = () => answer.pass();
  const before = system.authorizationServer.countTokenRequests();
  const source = system.source();
  const callers = callAtOnce(CALLERS, () => source.getAccessToken(connectionId));
  await expect.poll(() => answer.arrived(), { timeout: 20_000 }).toBe(1);
  const { runId } = await handleOf(connectionId).describe();
  await handleOf(connectionId).terminate('test');
  // The next run's own token request has been tried, and found the other one under way.
  const triedAgain = async (): Promise<boolean> => {
    const { runId: next, raw } = await handleOf(connectionId).describe();
    return next !== runId && (raw.pendingActivities ?? []).some(({ lastFailure }) => lastFailure);
  };
  await expect.poll(triedAgain, { timeout: 20_000 }).toBe(true);
  answer.open();
  expect(await callers).toEqual({ generations: Array<number>(CALLERS).fill(1), refusals: [] });
  expect(system.authorizationServer.countTokenRequests() - before).toBe(1);
});

it('gives a token to the next caller when the run is closed or reset between two refreshes', async () => {
  const connectionId = await putRotating('between');
  const requests = (): number => system.authorizationServer.countTokenRequests();
  const before = requests();
  for (const [index, close] of [
    () => handleOf(connectionId).cancel(),
    () => handleOf(connectionId).terminate('test'),
    () => reset(connectionId, 'first'),
  ].entries()) {
    const { generation } = await system.source().getAccessToken(connectionId);
    expect(generation).toBe(index + 1);
    await close();
    await expireToken(system, connectionId);
  }
  expect((await system.source().getAccessToken(connectionId)).generation).toBe(4);
  expect(requests() - before).toBe(4);
});
