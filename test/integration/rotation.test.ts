import { afterAll, beforeAll, expect, it } from 'vitest';
import { callAtOnce, expireToken, forceRefresh, tokenDocument } from '../support/token-records.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  startTokenSystem,
  type TokenSystem,
} from '../support/token-system.js';

const REFRESHES = 50;
const BURSTS = 20;
const CALLERS_IN_A_BURST = 20;

let system: TokenSystem;
let connectionId: string;

beforeAll(async () => {
  // Strict: an old refresh token that comes back ends the whole grant.
  system = await startTokenSystem({ authorizationServer: { rotateRefreshToken: true } });
  await system.startWorker();
  const refreshToken = await system.authorizationServer.mintRefreshToken({
    ...{ clientId: CLIENT_ID, accountId: 'account-1', scope: 'things:read' },
  });
  const file = system.connectionFile('rotation', {
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
  });
  const environment = { CLIENT_SECRET, REFRESH_TOKEN: refreshToken };
  connectionId = (await system.put(file, environment)).connectionId;
});
afterAll(() => system.close());

const requests = (): number => system.authorizationServer.countTokenRequests();
const issued = (): number =>
  system.authorizationServer.countTokenRequests({ grantType: 'refresh_token', outcome: 'issued' });

it('survives 50 refreshes in a row, each with one token request', async () => {
  for (let refresh = 1; refresh <= REFRESHES; refresh += 1) {
    const answer = await forceRefresh(system, connectionId);
    expect(answer).toMatchObject({ outcome: 'issued', token: { epoch: 1, generation: refresh } });
    expect(requests()).toBe(refresh);
  }
  expect(issued()).toBe(REFRESHES);
  expect(system.authorizationServer.countRefreshTokens()).toBe(1);
});

it('survives 20 bursts of callers on an expired token, each with one token request', async () => {
  const before = requests();
  for (let burst = 1; burst <= BURSTS; burst += 1) {
    await expireToken(system, connectionId);
    // Two memories, as two processes have them.
    const sources = [system.source(), system.source()];
    const { generations, refusals } = await callAtOnce(CALLERS_IN_A_BURST, async (index) => {
      const source = sources[index % 2] ?? system.source();
      return source.getAccessToken(connectionId);
    });
    expect(refusals).toEqual([]);
    expect(new Set(generations)).toEqual(new Set([REFRESHES + burst]));
    expect(requests() - before).toBe(burst);
  }
});

it('has a live grant in the end, whose token the API accepts', async () => {
  expect(system.authorizationServer.countRefreshTokens()).toBe(1);
  const { generation } = await tokenDocument(system, connectionId);
  expect(generation).toBe(REFRESHES + BURSTS);
  expect(await forceRefresh(system, connectionId)).toMatchObject({ outcome: 'issued' });
  const response = await system.source().fetch(connectionId, `${system.api.origin}/v1/things`);
  expect(response.status).toBe(200);
  expect(requests()).toBe(REFRESHES + BURSTS + 1);
  expect(issued()).toBe(requests());
});
