/** What a token endpoint may answer to a code, and what becomes of it: nothing is half stored. */
import type { JWTPayload } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { removeConnection } from '../../src/connections/index.js';
import { issue, refuse, type TokenReply } from '../../src/testing/index.js';
import { createGate } from '../support/gate.js';
import { forceRefresh, tokenDocument } from '../support/token-records.js';
import { CLIENT_ID, type TokenSystem } from '../support/token-system.js';
import {
  authorizationDocument,
  callBack,
  redeemed,
  startConsentSystem,
  type Begun,
} from './consent-system.js';
import { failureOf } from './expected-failure.js';
import {
  consentedAt,
  putScripted,
  receivedAt,
  startScriptedConsent,
  type ScriptedConsent,
} from './scripted-consent.js';

let system: TokenSystem;
let server: ScriptedConsent;
beforeAll(async () => {
  system = await startConsentSystem();
  await system.startWorker();
});
afterAll(() => system.close());
beforeEach(async () => {
  server = await startScriptedConsent();
});
afterEach(() => server.stop());

const put = (name: string, grant: Record<string, unknown> = {}): Promise<string> =>
  putScripted(system, server, { name, ...grant });

/** Hands an answer over whose token request gets this reply. */
async function redeemWith(
  connectionId: string,
  replyTo: (nonce: string | null) => TokenReply | Promise<TokenReply>,
  acceptNewSubject = false,
): Promise<Begun> {
  const { begun, query, nonce } = await consentedAt(system, connectionId, acceptNewSubject);
  server.tokens.script.push(() => replyTo(nonce));
  await callBack(system, query, begun.browser);
  return begun;
}

async function nothingStored(connectionId: string, begun: Begun): Promise<void> {
  expect(await tokenDocument(system, connectionId)).toMatchObject({
    ...{ epoch: 1, generation: 0, access: null, grant: null, state: 'reauthorization_required' },
  });
  expect(await authorizationDocument(system, begun)).toMatchObject({
    ...{ phase: 'failed', request: null, code: null, answer: null, kids: [], attempt: null },
  });
}

const BAD: Record<string, (claims: JWTPayload) => JWTPayload> = {
  'of another request': (claims) => ({ ...claims, nonce: 'another' }),
  'for another client': (claims) => ({ ...claims, aud: 'somebody-else' }),
  'of another issuer': (claims) => ({ ...claims, iss: 'https://evil.example' }),
  'without subject': (claims) => ({ ...claims, sub: '' }),
  'with a foreign at_hash': (claims) => ({ ...claims, at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
};

describe('an ID token', () => {
  it.each(Object.keys(BAD))('%s is refused, and the tokens are revoked', async (what) => {
    const connectionId = await put(`id-token-${what.replaceAll(' ', '-')}`);
    const begun = await redeemWith(connectionId, async (nonce) => {
      const claims = { iss: server.issuer, aud: CLIENT_ID, sub: 'alice', nonce };
      const idToken = await server.sign(BAD[what]?.(claims) ?? claims);
      return issue('bad-access', { refresh_token: 'bad-refresh', id_token: idToken });
    });
    expect((await failureOf(redeemed(system, begun))).type).toBe('Authorization.invalid_id_token');
    await nothingStored(connectionId, begun);
    expect(server.tokens.ledger.isActive('bad-access')).toBe(false);
  });

  it('with a foreign signature, and none at all, is refused', async () => {
    const connectionId = await put('id-token-signature');
    for (const key of ['foreign', null] as const) {
      const begun = await redeemWith(connectionId, async (nonce) => {
        const claims = { iss: server.issuer, aud: CLIENT_ID, sub: 'alice', nonce };
        const idToken = key === null ? {} : { id_token: await server.sign(claims, { key }) };
        return issue('bad-access', { refresh_token: 'bad-refresh', ...idToken });
      });
      expect((await failureOf(redeemed(system, begun))).type).toBe(
        'Authorization.invalid_id_token',
      );
      await nothingStored(connectionId, begun);
    }
  });

  it('that cannot be checked now waits, and the code is not sent again', async () => {
    const connectionId = await put('keys-away');
    server.keysAway = true;
    const begun = await redeemWith(connectionId, (nonce) => server.goodTokens(nonce));
    await expect
      .poll(() => server.pages.receivedAt('/jwks').length, { timeout: 20_000 })
      .toBeGreaterThanOrEqual(2);
    expect(await authorizationDocument(system, begun)).toMatchObject({
      ...{ phase: 'captured', code: null },
    });
    expect(await tokenDocument(system, connectionId)).toMatchObject({ epoch: 1 });
    server.keysAway = false;
    expect(await redeemed(system, begun)).toMatchObject({ epoch: 2, generation: 1 });
    expect(server.tokens.received).toHaveLength(1);
  });
});

describe('a token request with a code', () => {
  it('sends the verifier and the redirect URI of the request', async () => {
    const connectionId = await put('request');
    const begun = await redeemWith(connectionId, (nonce) => server.goodTokens(nonce));
    await redeemed(system, begun);
    const [request] = server.tokens.received;
    expect(request?.parameters).toMatchObject({
      ...{ grant_type: 'authorization_code', redirect_uri: 'http://127.0.0.1/callback' },
      code_verifier: expect.stringMatching(/^[\w-]{43}$/) as string,
    });
  });

  it('that is refused says why, and asks the person again', async () => {
    const connectionId = await put('refused');
    for (const error of ['invalid_grant', 'invalid_client']) {
      const begun = await redeemWith(connectionId, () => refuse(error));
      expect(await failureOf(redeemed(system, begun))).toMatchObject({
        ...{ type: `OAuth.${error}`, nonRetryable: true },
      });
      await nothingStored(connectionId, begun);
    }
    // The record is not blocked by it.
    const good = await redeemWith(connectionId, (nonce) => server.goodTokens(nonce));
    expect(await redeemed(system, good)).toMatchObject({ epoch: 2 });
  });

  it('whose answer is lost is probed once; a refusal then says that the consent is lost', async () => {
    const connectionId = await put('lost');
    const { begun, query } = await consentedAt(system, connectionId);
    server.tokens.script.push('reset', refuse('invalid_grant'));
    await callBack(system, query, begun.browser);
    expect((await failureOf(redeemed(system, begun))).type).toBe('Authorization.lost');
    expect(server.tokens.received).toHaveLength(2);
    await nothingStored(connectionId, begun);
  });

  it('whose answer is lost twice is not sent a third time', async () => {
    const connectionId = await put('lost-twice');
    const { begun, query } = await consentedAt(system, connectionId);
    server.tokens.script.push('reset', 'reset');
    await callBack(system, query, begun.browser);
    expect((await failureOf(redeemed(system, begun))).type).toBe('Authorization.lost');
    expect(server.tokens.received).toHaveLength(2);
  });

  it('that never reached the server is repeated, and connects', async () => {
    const connectionId = await put('limited');
    const { begun, query, nonce } = await consentedAt(system, connectionId);
    server.tokens.script.push({ status: 429, headers: { 'retry-after': '1' } }, () =>
      server.goodTokens(nonce),
    );
    await callBack(system, query, begun.browser);
    expect(await redeemed(system, begun)).toMatchObject({ epoch: 2 });
  });

  it('whose token cannot be used is refused', async () => {
    const connectionId = await put('unusable');
    const begun = await redeemWith(connectionId, () =>
      issue('odd', { refresh_token: 'odd-refresh', token_type: 'mac' }),
    );
    expect(await failureOf(redeemed(system, begun))).toMatchObject({
      ...{ type: 'OAuth.malformed_response', nonRetryable: true },
    });
    await nothingStored(connectionId, begun);
  });
});

describe('a consent beside what goes on', () => {
  /** A refresh under way, while somebody consents anew; what the late answer becomes. */
  async function consentWhileRefreshing(connectionId: string, subject: string) {
    const { ledger } = server.tokens;
    await redeemed(system, await redeemWith(connectionId, (nonce) => server.goodTokens(nonce)));
    const gate = createGate();
    server.tokens.script.push(async () => {
      await gate.pass();
      return issue('late-access', { refresh_token: 'late-refresh' });
    });
    const refreshing = forceRefresh(system, connectionId);
    await expect.poll(() => gate.arrived()).toBe(1);
    const second = await redeemWith(
      connectionId,
      (nonce) => server.goodTokens(nonce, { sub: subject }),
      true,
    );
    const token = await redeemed(system, second);
    expect(token).toMatchObject({ epoch: 3, generation: 2 });
    gate.open();
    await refreshing;
    expect(await tokenDocument(system, connectionId)).toMatchObject({
      ...{ epoch: 3, generation: 2, state: 'active', candidates: [], unknown: [] },
    });
    const served = await system.source().getAccessToken(connectionId);
    expect(ledger.isActive(served.reveal())).toBe(true);
    expect(served.reveal()).not.toBe('late-access');
    return () => ledger.isActive('late-access');
  }

  it('leaves a refresh of the old epoch behind: its answer is dropped', async () => {
    const lateIsActive = await consentWhileRefreshing(await put('refreshing'), 'alice');
    // To revoke it could end the grant that the same person has just given.
    expect(lateIsActive()).toBe(true);
  });

  it('has what came late for somebody else revoked', async () => {
    const lateIsActive = await consentWhileRefreshing(await put('replaced'), 'bob');
    await expect.poll(lateIsActive, { timeout: 20_000 }).toBe(false);
  });

  it('that came later has the last word', async () => {
    const connectionId = await put('two', { scope: 'things:read' });
    const gate = createGate();
    const earlier = await redeemWith(connectionId, async () => {
      await gate.pass();
      return issue('earlier', { refresh_token: 'earlier-refresh' });
    });
    await expect.poll(() => gate.arrived()).toBe(1);
    const later = await redeemWith(connectionId, () => issue('later', { expires_in: 600 }));
    expect(await redeemed(system, later)).toMatchObject({ epoch: 2, generation: 1 });
    gate.open();
    expect(await redeemed(system, earlier)).toMatchObject({ epoch: 2, generation: 1 });
    expect((await system.source().getAccessToken(connectionId)).reveal()).toBe('later');
  });

  it('that began for a connection which was removed meanwhile connects nothing', async () => {
    const connectionId = await put('removed');
    const { begun, query } = await consentedAt(system, connectionId);
    const lifecycle = { end: () => Promise.resolve(false) };
    await removeConnection({ database: system.database, lifecycle }, connectionId);
    await put('removed');
    await expect(callBack(system, query, begun.browser)).rejects.toMatchObject({
      failureType: 'Authorization.invalid_response',
    });
    expect(server.tokens.received).toHaveLength(0);
    expect(await tokenDocument(system, connectionId)).toMatchObject({ epoch: 1, access: null });
  });

  it('that nobody has given yet is waited for by whoever redeems it too early', async () => {
    const connectionId = await put('early');
    const { begun, query, nonce } = await consentedAt(system, connectionId);
    const { authorizationId } = begun;
    const early = await system.client.workflow.start('redeemAuthorization', {
      ...{ taskQueue: system.taskQueue, workflowId: `oauth-authorization/${authorizationId}` },
      args: [{ connectionId, authorizationId }],
    });
    const timers = async (): Promise<number> => {
      const { events } = await early.fetchHistory();
      return (events ?? []).filter((event) => event.timerStartedEventAttributes != null).length;
    };
    await expect.poll(timers, { timeout: 20_000 }).toBe(1);
    server.tokens.script.push(() => server.goodTokens(nonce));
    await callBack(system, query, begun.browser);
    expect(await redeemed(system, begun)).toMatchObject({ epoch: 2 });
  });

  it('is redeemed by its own workflow alone', async () => {
    const connectionId = await put('by-name');
    const { begun } = await receivedAt(system, connectionId);
    const { authorizationId } = begun;
    const start = (workflowId: string, input: unknown) =>
      failureOf(
        system.client.workflow.execute('redeemAuthorization', {
          ...{ taskQueue: system.taskQueue, workflowId, args: [input] },
        }),
      );
    const own = { connectionId, authorizationId };
    for (const [id, input] of [
      [`other-${authorizationId}`, own],
      ['nothing', undefined],
      [`oauth-authorization/${'A'.repeat(22)}`, { connectionId, authorizationId: 'x' }],
    ] as const) {
      expect((await start(id, input)).type).toBe('Connection.invalid');
    }
    const gone = { connectionId, authorizationId: 'A'.repeat(22) };
    const unknown = await start(`oauth-authorization/${'A'.repeat(22)}`, gone);
    expect(unknown.type).toBe('Authorization.expired');
  });
});
