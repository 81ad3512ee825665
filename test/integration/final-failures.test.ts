/** What only an operator or a person can mend: one request, and none after it until they did. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  callAtOnce,
  forceRefresh,
  tokenDocument,
  type Outcomes,
} from '../support/token-records.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  startTokenSystem,
  type TokenSystem,
} from '../support/token-system.js';

const CALLERS = 200;

let system: TokenSystem;

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { rotateRefreshToken: true } });
  await system.startWorker();
});
afterAll(() => system.close());

const requests = (): number => system.authorizationServer.countTokenRequests();

/** Callers of two memories, as two processes have them. */
function callers(connectionId: string): Promise<Outcomes> {
  const sources = [system.source(), system.source()];
  return callAtOnce(CALLERS, async (index) =>
    (sources[index % 2] ?? system.source()).getAccessToken(connectionId),
  );
}

function expectFinal({ generations, refusals }: Outcomes, type: string): void {
  expect(generations).toEqual([]);
  expect(refusals).toHaveLength(CALLERS);
  for (const refusal of refusals) {
    expect(refusal).toMatchObject({ type, final: true, nextRetryDelayMs: undefined });
  }
}

it('asks once with a wrong client secret, and again only when it was corrected', async () => {
  const file = system.connectionFile('wrong-secret');
  await system.put(file, { CLIENT_SECRET: 'marked-wrong-secret-77aa' });
  const before = requests();
  expectFinal(await callers(file.connectionId), 'OAuth.invalid_client');
  expectFinal(await callers(file.connectionId), 'OAuth.invalid_client');
  expect(requests() - before).toBe(1);
  const { state, failures, retryAt } = await tokenDocument(system, file.connectionId);
  expect({ state, failures, retryAt }).toEqual({ state: 'blocked', failures: 1, retryAt: null });

  const corrected = await system.put(file, { CLIENT_SECRET });
  expect(corrected).toMatchObject({ state: 'active', changed: ['client.clientSecret'] });
  const { generations, refusals } = await callers(file.connectionId);
  expect(refusals).toEqual([]);
  expect(generations).toEqual(Array<number>(CALLERS).fill(1));
  expect(requests() - before).toBe(2);
});

it('fails finally again when a put did not correct what was wrong', async () => {
  const file = system.connectionFile('still-wrong');
  await system.put(file, { CLIENT_SECRET: 'marked-wrong-secret-77aa' });
  const before = requests();
  expectFinal(await callers(file.connectionId), 'OAuth.invalid_client');
  await system.put(file, { CLIENT_SECRET: 'marked-wrong-secret-77bb' });
  expectFinal(await callers(file.connectionId), 'OAuth.invalid_client');
  expect(requests() - before).toBe(2);
});

it('asks for a person when the grant is gone, and starts the next epoch with a new one', async () => {
  const mint = (): Promise<string> =>
    system.authorizationServer.mintRefreshToken({
      ...{ clientId: CLIENT_ID, accountId: 'account-1', scope: 'things:read' },
    });
  const file = system.connectionFile('grant-gone', {
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  const { connectionId } = file;
  const put = async (refreshToken: string) =>
    system.put(file, { CLIENT_SECRET, REFRESH_TOKEN: refreshToken });
  const imported = await mint();
  await put(imported);
  expect((await callers(connectionId)).generations).toEqual(Array<number>(CALLERS).fill(1));
  const before = requests();
  system.authorizationServer.revokeAllGrants();
  expect(await forceRefresh(system, connectionId)).toMatchObject({
    outcome: 'failed',
    failure: { type: 'Token.reauthorization_required', final: true },
  });
  expectFinal(await callers(connectionId), 'Token.reauthorization_required');
  expectFinal(await callers(connectionId), 'Token.reauthorization_required');
  expect(requests() - before).toBe(1);
  const { state, lastOutcome } = await tokenDocument(system, connectionId);
  expect(state).toBe('reauthorization_required');
  expect(lastOutcome).toMatchObject({
    type: 'OAuth.invalid_grant',
    reason: 'revoked_or_expired',
  });

  // The same refresh token again brings nothing new.
  expect(await put(imported)).toMatchObject({ epoch: 1, state: 'reauthorization_required' });
  expectFinal(await callers(connectionId), 'Token.reauthorization_required');
  expect(requests() - before).toBe(1);

  expect(await put(await mint())).toMatchObject({ epoch: 2, state: 'active' });
  const { generations, refusals } = await callers(connectionId);
  expect(refusals).toEqual([]);
  expect(generations).toEqual(Array<number>(CALLERS).fill(2));
  expect(requests() - before).toBe(2);
  const { epoch } = await system.source().getAccessToken(connectionId);
  expect(epoch).toBe(2);
});
