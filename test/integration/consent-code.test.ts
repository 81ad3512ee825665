/** Consent with an authorization code (RFC 6749 §4.1), against a real authorization server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.js';
import { consentAt } from '../support/consent.js';
import { createGate } from '../support/gate.js';
import { forceRefresh, tokenDocument } from '../support/token-records.js';
import type { TokenSystem } from '../support/token-system.js';
import {
  authorizationDocument,
  begin,
  callBack,
  consent,
  consentFile,
  redeemed,
  REDIRECT_URI,
  startConsentSystem,
  type ConsentFileChanges,
} from './consent-system.js';
import { failureOf } from './expected-failure.js';

let system: TokenSystem;
beforeAll(async () => {
  system = await startConsentSystem();
  await system.startWorker();
});
afterAll(() => system.close());

async function put(name: string, changes?: ConsentFileChanges): Promise<string> {
  return (await system.put(consentFile(system, name, changes))).connectionId;
}

/** The epoch that is stored, and what is sealed of it. */
async function stored(connectionId: string) {
  const { epoch, generation, state, access, grant } = await tokenDocument(system, connectionId);
  return { epoch, generation, state, access: access !== null, grant: grant !== null };
}

const NOTHING = {
  ...{ epoch: 1, generation: 0, state: 'reauthorization_required', access: false, grant: false },
};

describe('a person who consents', () => {
  it('connects: the next epoch starts, and its token is served and refreshed', async () => {
    const connectionId = await put('openid');
    const tokens = system.source();
    await expect(tokens.getAccessToken(connectionId)).rejects.toMatchObject({
      type: 'Token.reauthorization_required',
    });
    const received = await consent(system, connectionId);
    expect(received).toMatchObject({ connectionId, outcome: 'received', type: null });
    const token = await redeemed(system, received);
    expect(token).toMatchObject({ connectionId, epoch: 2, generation: 1, tokenType: 'Bearer' });
    expect(token.scope?.split(' ')).toContain('things:read');
    const served = await tokens.getAccessToken(connectionId);
    expect(served).toMatchObject({ epoch: 2, generation: 1 });
    const next = await tokens.getAccessToken(connectionId, { rejectedGeneration: 1 });
    expect(next).toMatchObject({ epoch: 2, generation: 2 });
    expect(await authorizationDocument(system, received)).toMatchObject({
      ...{ phase: 'done', request: null, code: null, answer: null, kids: [] },
      outcome: { type: null, epoch: 2, generation: 1 },
    });
  });

  it('connects without openid, with endpoints by name and without PAR', async () => {
    const { authorizationEndpoint, tokenEndpoint } = system.authorizationServer;
    const file = consentFile(system, 'plain', { grant: { scope: 'offline_access things:read' } });
    const { connectionId } = await system.put({
      ...file,
      authorizationServer: { authorizationEndpoint, tokenEndpoint },
    });
    const begun = await begin(system, connectionId);
    const asked = new URL(begun.url.reveal()).searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    const { searchParams } = await consentAt(begun.url.reveal(), REDIRECT_URI);
    await callBack(system, searchParams, begun.browser);
    expect(await redeemed(system, begun)).toMatchObject({ epoch: 2, generation: 1 });
    expect((await tokenDocument(system, connectionId)).consent?.subject).toBeNull();
  });

  it('connects by a pushed request, of which the browser sees the name only (RFC 9126)', async () => {
    const connectionId = await put('pushed');
    const begun = await begin(system, connectionId);
    const asked = new URL(begun.url.reveal()).searchParams;
    expect([...asked.keys()].sort()).toEqual(['client_id', 'request_uri']);
    const url = await consentAt(begun.url.reveal(), REDIRECT_URI);
    const token = await redeemed(system, await callBack(system, url.searchParams, begun.browser));
    expect(token).toMatchObject({ epoch: 2 });
  });

  it('may come back more than once: a replayed callback leads to no second exchange', async () => {
    const connectionId = await put('replayed');
    const begun = await begin(system, connectionId);
    const { searchParams } = await consentAt(begun.url.reveal(), REDIRECT_URI);
    const before = system.authorizationServer.requests.length;
    const answers = await Promise.all(
      [1, 2, 3].map(() => callBack(system, searchParams, begun.browser)),
    );
    await redeemed(system, begun);
    const late = await callBack(system, searchParams, begun.browser);
    expect(late).toMatchObject({ outcome: 'done' });
    expect(answers.every(({ outcome }) => outcome !== 'failed')).toBe(true);
    expect(system.authorizationServer.requests.length - before).toBe(1);
    expect(await stored(connectionId)).toMatchObject({ epoch: 2, generation: 1 });
  });
});

describe('an answer that is none', () => {
  it('a refusal ends the authorization and changes nothing', async () => {
    const connectionId = await put('denied');
    const answer = await consent(system, connectionId, { decision: 'deny' });
    expect(answer).toMatchObject({ outcome: 'failed', type: 'Authorization.denied' });
    expect(await stored(connectionId)).toEqual(NOTHING);
    expect(await authorizationDocument(system, answer)).toMatchObject({
      ...{ phase: 'failed', request: null, code: null, kids: [] },
    });
  });

  it('an unknown state, no state, and two of them belong to nobody', async () => {
    const connectionId = await put('states');
    const begun = await begin(system, connectionId);
    const { searchParams } = await consentAt(begun.url.reveal(), REDIRECT_URI);
    const state = searchParams.get('state') ?? '';
    const invalid = { failureType: 'Authorization.invalid_response' };
    for (const query of [`code=c&state=x${state}`, 'code=c', `code=c&state=${state}&state=y`]) {
      const answer = callBack(system, new URLSearchParams(query), begun.browser);
      await expect(answer, query.slice(0, 8)).rejects.toMatchObject(invalid);
    }
    // None of it spoiled the true answer.
    await redeemed(system, await callBack(system, searchParams, begun.browser));
    expect(await stored(connectionId)).toMatchObject({ epoch: 2 });
  });

  it('an answer in another browser changes nothing: a forwarded link connects nobody', async () => {
    const connectionId = await put('forwarded');
    const begun = await begin(system, connectionId);
    const { searchParams } = await consentAt(begun.url.reveal(), REDIRECT_URI);
    const other = await begin(system, connectionId);
    for (const browser of [other.browser, null]) {
      await expect(callBack(system, searchParams, browser)).rejects.toMatchObject({
        failureType: 'Authorization.invalid_response',
      });
    }
    expect(await stored(connectionId)).toEqual(NOTHING);
    expect(await authorizationDocument(system, begun)).toMatchObject({ phase: 'pending' });
  });

  it('an answer of another issuer ends the authorization (RFC 9207)', async () => {
    const connectionId = await put('mixed-up');
    for (const iss of ['https://evil.example', null]) {
      const begun = await begin(system, connectionId);
      const { searchParams } = await consentAt(begun.url.reveal(), REDIRECT_URI);
      if (iss === null) searchParams.delete('iss');
      else searchParams.set('iss', iss);
      const answer = await callBack(system, searchParams, begun.browser);
      expect(answer).toMatchObject({ outcome: 'failed', type: 'Authorization.invalid_response' });
      searchParams.set('iss', system.authorizationServer.issuer);
      const again = await callBack(system, searchParams, begun.browser);
      expect(again).toMatchObject({ outcome: 'failed' });
    }
    expect(await stored(connectionId)).toEqual(NOTHING);
  });

  it('a late answer says so', async () => {
    const connectionId = await put('late');
    const begun = await begin(system, connectionId);
    const { searchParams } = await consentAt(begun.url.reveal(), REDIRECT_URI);
    await system.database.authorizations.updateOne(
      { _id: begun.authorizationId },
      { $set: { expiresAt: new Date() } },
    );
    const answer = await callBack(system, searchParams, begun.browser);
    expect(answer).toMatchObject({ outcome: 'failed', type: 'Authorization.expired' });
    expect(await stored(connectionId)).toEqual(NOTHING);
  });

  it('a code that was used elsewhere is refused by the server, which says which', async () => {
    const connectionId = await put('used');
    const begun = await begin(system, connectionId);
    const { searchParams } = await consentAt(begun.url.reveal(), REDIRECT_URI);
    searchParams.set('code', `${searchParams.get('code')}x`);
    await callBack(system, searchParams, begun.browser);
    expect(await failureOf(redeemed(system, begun))).toMatchObject({
      ...{ type: 'OAuth.invalid_grant', nonRetryable: true },
    });
    expect(await stored(connectionId)).toEqual(NOTHING);
  });
});

describe('whoever consents', () => {
  it('must be the expected subject where the connection names one', async () => {
    const connectionId = await put('expected', { grant: { expectedSubject: 'alice' } });
    const wrong = await consent(system, connectionId, { account: 'mallory' });
    expect(await failureOf(redeemed(system, wrong))).toMatchObject({
      type: 'Authorization.subject_mismatch',
    });
    expect(await stored(connectionId)).toEqual(NOTHING);
    const before = system.authorizationServer.countRefreshTokens();
    const right = await consent(system, connectionId, { account: 'alice' });
    await redeemed(system, right);
    // Those of the refused one are revoked.
    expect(system.authorizationServer.countRefreshTokens() - before).toBe(1);
  });

  it('must stay the same, unless an operator confirms another one', async () => {
    const connectionId = await put('same');
    await redeemed(system, await consent(system, connectionId, { account: 'alice' }));
    const tokensBefore = system.authorizationServer.countRefreshTokens();
    const other = await consent(system, connectionId, { account: 'bob' });
    expect(await failureOf(redeemed(system, other))).toMatchObject({
      type: 'Authorization.subject_mismatch',
    });
    expect(system.authorizationServer.countRefreshTokens()).toBe(tokensBefore);
    expect(await stored(connectionId)).toMatchObject({ epoch: 2, generation: 1, grant: true });
    await redeemed(system, await consent(system, connectionId, { account: 'alice' }));
    expect(await stored(connectionId)).toMatchObject({ epoch: 3, generation: 2 });
    const confirmed = await consent(system, connectionId, {
      ...{ account: 'bob', acceptNewSubject: true },
    });
    expect(await redeemed(system, confirmed)).toMatchObject({ epoch: 4, generation: 3 });
    const back = await consent(system, connectionId, { account: 'alice', browser: new Browser() });
    expect((await failureOf(redeemed(system, back))).type).toBe('Authorization.subject_mismatch');
  });
});

it('a consent in the same browser while a refresh is under way stays intact', async () => {
  const connectionId = await put('in-flight');
  const browser = new Browser();
  await redeemed(system, await consent(system, connectionId, { browser }));
  const { hooks } = system.authorizationServer;
  const gate = createGate();
  hooks.onTokenResponse = async ({ grantType }) => {
    if (grantType === 'refresh_token') await gate.pass();
  };
  const refreshing = forceRefresh(system, connectionId);
  await expect.poll(() => gate.arrived()).toBe(1);
  const second = await consent(system, connectionId, { browser });
  expect(await redeemed(system, second)).toMatchObject({ epoch: 3, generation: 2 });
  hooks.onTokenResponse = null;
  gate.open();
  await refreshing;
  const next = await forceRefresh(system, connectionId);
  expect(next).toMatchObject({ outcome: 'issued', token: { epoch: 3, generation: 3 } });
});
