/** After a person consented: refreshed like an imported grant, and over when nothing can refresh it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { failureOf } from './expected-failure.js';
import { consent, consentFile, redeemed, startConsentSystem } from './consent-system.js';
import { expireToken, forceRefresh, tokenDocument } from '../support/token-records.js';
import type { TokenSystem } from '../support/token-system.js';

/** Long enough to be served, short enough to see its end. */
const LIFETIME_SECONDS = 15;

let system: TokenSystem;

beforeAll(async () => {
  system = await startConsentSystem(LIFETIME_SECONDS);
  await system.startWorker();
});
afterAll(() => system.close());

const requests = (): number => system.authorizationServer.countTokenRequests();

it('refreshes what was granted, whatever the file asks for now (RFC 6749 §6)', async () => {
  const file = consentFile(system, 'refreshed');
  const { connectionId } = file;
  await system.put(file);
  await redeemed(system, await consent(system, connectionId));
  const wider = { grant: { scope: 'openid offline_access things:read things:write' } };
  expect(await system.put(consentFile(system, 'refreshed', wider))).toMatchObject({
    changed: ['grant.scope'],
    state: 'active',
  });
  await expireToken(system, connectionId);
  const before = requests();
  const token = await system.source().getAccessToken(connectionId);
  expect(token).toMatchObject({ epoch: 2, generation: 2 });
  expect(token.scope?.split(' ').sort()).toEqual(['offline_access', 'openid', 'things:read']);
  expect(requests() - before).toBe(1);
});

/** What is asked of a token that nothing can refresh, while it serves and after. */
async function wishInVain(connectionId: string): Promise<void> {
  expect(await forceRefresh(system, connectionId)).toMatchObject({
    outcome: 'failed',
    failure: { type: 'Token.reauthorization_required', final: true },
  });
  expect((await tokenDocument(system, connectionId)).state).toBe('active');
  expect((await system.source().getAccessToken(connectionId)).generation).toBe(1);
  await expireToken(system, connectionId);
  const refused = await failureOf(system.source().getAccessToken(connectionId));
  expect(refused).toMatchObject({ type: 'Token.reauthorization_required', nonRetryable: true });
}

it.each(['on-demand', 'ahead'])(
  'serves a token without a refresh token to its end, and then needs the person (%s)',
  async (refresh) => {
    const grant = { scope: 'openid things:read' };
    const file = consentFile(system, `bare-${refresh}`, { grant, lifetime: { refresh } });
    const { connectionId } = file;
    await system.put(file);
    await redeemed(system, await consent(system, connectionId));
    const before = requests();
    expect((await system.source().getAccessToken(connectionId)).generation).toBe(1);
    if (refresh === 'on-demand') await wishInVain(connectionId);
    await expect
      .poll(async () => tokenDocument(system, connectionId), { timeout: 60_000, interval: 500 })
      .toMatchObject({
        state: 'reauthorization_required',
        lastOutcome: { type: 'Token.reauthorization_required', reason: 'no_refresh_token' },
      });
    // Nothing was there to ask with, so nobody was asked.
    expect(requests()).toBe(before);
  },
);
