/** Nothing secret of a consent crosses Temporal, a log, an error, or MongoDB in clear. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  beginDeviceAuthorization,
  createRedemptionClient,
} from '../../src/authorizations/index.js';
import { createNetwork } from '../../src/network.js';
import type { ReceivedTokenRequest, TokenReply } from '../../src/testing/index.js';
import { CLIENT_ID, CLIENT_SECRET, type TokenSystem } from '../support/token-system.js';
import { callBack, redeemed, startConsentSystem } from './consent-system.js';
import { failureOf } from './expected-failure.js';
import { leftInMongodb, leftInTemporal } from './left-behind.js';
import { startProcess, type TestProcess } from './processes/start-process.js';
import {
  consentedAt,
  putScripted,
  startScriptedConsent,
  type ScriptedConsent,
} from './scripted-consent.js';
import { secretsIn, textsIn } from './secret-search.js';

const network = createNetwork({ mode: 'loopback' });
const secrets = new Set<string>([CLIENT_SECRET]);
const marked = (what: string): string => {
  const secret = `marked-${what}-${randomBytes(12).toString('hex')}`;
  secrets.add(secret);
  return secret;
};
/** What callers, and people, were told. */
let told = '';

let system: TokenSystem;
let server: ScriptedConsent;
let worker: TestProcess;
beforeAll(async () => {
  system = await startConsentSystem();
  server = await startScriptedConsent();
  worker = startProcess('src/cli/main.ts', ['worker'], {
    env: { ...system.environment(), LOG_LEVEL: 'trace' },
  });
  await worker.says('worker ready');
});
afterAll(async () => {
  await worker.stop();
  await system.close();
  await server.stop();
  await network.close();
});

/** Everything that a token request holds, remembered and sent back. */
function echoOf({ parameters }: ReceivedTokenRequest): string {
  for (const name of ['code', 'code_verifier', 'device_code', 'client_secret']) {
    const value = parameters[name];
    if (value !== undefined) secrets.add(value);
  }
  return JSON.stringify(parameters);
}

const refusal = (error: string, echo: string): TokenReply => ({
  status: 400,
  body: { error, error_description: echo, error_uri: echo },
});

/** Tokens as they should be, with an ID token that is remembered. */
async function issued(claims: Record<string, unknown>): Promise<TokenReply> {
  const idToken = await server.sign({
    ...{ iss: server.issuer, aud: CLIENT_ID, sub: marked('subject') },
    ...claims,
  });
  secrets.add(idToken);
  const body = {
    ...{ access_token: marked('access'), refresh_token: marked('refresh'), id_token: idToken },
    ...{ token_type: 'Bearer', expires_in: 600 },
  };
  return { status: 200, body };
}

/** How the server answers, and what the redemption ends with; null: it succeeds. */
type Case = [
  type: string | null,
  answer: (echo: string, nonce: string) => TokenReply | Promise<TokenReply>,
];
const CODES: Record<string, Case> = {
  works: [null, (_, nonce) => issued({ nonce })],
  refused: ['OAuth.invalid_grant', (echo) => refusal('invalid_grant', echo)],
  'odd-code': ['OAuth.other', (echo) => refusal(echo, echo)],
  html: ['Authorization.lost', (echo) => ({ status: 200, body: `<p>${echo}</p>` })],
  'bad-nonce': ['Authorization.invalid_id_token', (echo) => issued({ nonce: echo })],
  'no-json': ['Authorization.lost', (echo) => ({ status: 500, body: echo })],
};

async function runCode(name: string, [type, answer]: Case): Promise<void> {
  const connectionId = await putScripted(system, server, { name });
  const { begun, query, nonce } = await consentedAt(system, connectionId);
  for (const secret of [begun.url.reveal(), begun.browser.reveal(), query.get('state'), nonce]) {
    if (secret !== null) secrets.add(secret);
  }
  const reply = (request: ReceivedTokenRequest) => answer(echoOf(request), nonce ?? '');
  server.tokens.otherwise = reply;
  const foreign = await callBack(system, query, null).catch((error: unknown) => error);
  told += textsIn(foreign);
  told += JSON.stringify(await callBack(system, query, begun.browser));
  await settle(redeemed(system, begun), type);
  told += JSON.stringify(await callBack(system, query, begun.browser));
}

async function settle(ended: Promise<unknown>, type: string | null): Promise<void> {
  if (type === null) {
    told += JSON.stringify(await ended);
    return;
  }
  const failure = await failureOf(ended);
  told += textsIn(failure);
  expect(failure.type).toBe(type);
}

/** A device: pending, then the end. */
async function runDevice(name: string, [type, answer]: Case): Promise<void> {
  const grant = { name, grantType: 'device_code' };
  const connectionId = await putScripted(system, server, grant);
  let polls = 0;
  server.tokens.otherwise = (request) => {
    const echo = echoOf(request);
    polls += 1;
    return polls === 1 ? refusal('authorization_pending', echo) : answer(echo, '');
  };
  const { database, keys, connection, taskQueue } = system;
  const device = await beginDeviceAuthorization(
    { database, keys, network },
    { connectionId, acceptNewSubject: false, startedBy: 'test' },
  );
  told += JSON.stringify(device);
  const redemptions = createRedemptionClient({ connection, namespace: 'default', taskQueue });
  await redemptions.start({ connectionId, authorizationId: device.authorizationId });
  await settle(redeemed(system, device), type);
}

it('leaves no code, state, verifier, nonce, ID token or device code anywhere', async () => {
  for (const [name, one] of Object.entries(CODES)) await runCode(name, one);
  await runDevice('device', [null, () => issued({})]);
  await runDevice('device-denied', [
    'Authorization.denied',
    (echo) => refusal('access_denied', echo),
  ]);
  const all = [...secrets];
  expect(all.filter((secret) => secret.startsWith('marked-device-code'))).toHaveLength(2);
  expect(all.length).toBeGreaterThan(Object.keys(CODES).length * 6);
  const runs = Object.keys(CODES).length + 2;
  const temporal = await leftInTemporal(system, [system.taskQueue], runs);
  const places = { ...temporal, ...(await leftInMongodb(system)), told };
  await worker.stop();
  const log = worker.stdout() + worker.stderr();
  for (const [place, text] of Object.entries({ ...places, log })) {
    expect(secretsIn(String(text), all), place).toEqual([]);
  }
  // There was something to search.
  expect(temporal.histories).toContain('Authorization.lost');
  expect(temporal.histories).toContain('redeemAuthorization');
  expect(places.oplog).toContain('encrypted_key');
  expect(log).toContain('A consent brought no tokens');
});
