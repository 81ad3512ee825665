/** An authorization server that misbehaves as told, with ID tokens and device codes. */
import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import {
  issue,
  startScriptedAuthorizationServer,
  type ScriptedAuthorizationServer,
  type TokenReply,
} from '../../src/testing/index.js';
import { CLIENT_ID, type TokenSystem } from '../support/token-system.js';
import { begin, callBack, consentFile, type Begun } from './consent-system.js';
import { sendJson, startRecordingServer, type RecordingServer } from './recording-server.js';

/** A running one. */
export interface ScriptedConsent {
  tokens: ScriptedAuthorizationServer;
  /** Keys, and the device authorization endpoint. */
  pages: RecordingServer;
  issuer: string;
  /** What of a connection file leads here. */
  endpoints: Record<string, string>;
  /** While true the keys cannot be had. */
  keysAway: boolean;
  /** `interval` of the device codes it gives, in seconds. */
  interval: number;
  /** Signs with the server's key, or with somebody else's. */
  sign(claims: JWTPayload, how?: { key?: 'own' | 'foreign' }): Promise<string>;
  /** Tokens as they should be, for the request of an authorization. */
  goodTokens(nonce: string | null, claims?: JWTPayload): Promise<TokenReply>;
  stop(): Promise<void>;
}

const KEY_ID = 'scripted';

/** Starts it on loopback. */
export async function startScriptedConsent(): Promise<ScriptedConsent> {
  const tokens = await startScriptedAuthorizationServer();
  const [own, foreign] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
  const jwk = { ...(await exportJWK(own.publicKey)), kid: KEY_ID, alg: 'ES256', use: 'sig' };
  let issued = 0;
  const pages = await startRecordingServer(({ path }, response) => {
    if (path === '/jwks' && !scripted.keysAway) return sendJson(response, 200, { keys: [jwk] });
    if (path !== '/device') return void response.writeHead(503).end();
    issued += 1;
    sendJson(response, 200, {
      device_code: `marked-device-code-${issued}-${tokens.received.length}`,
      ...{ user_code: `CODE-${issued}`, verification_uri: `${pages.origin}/enter` },
      ...{ expires_in: 300, interval: scripted.interval },
    });
  });
  const issuer = pages.origin;
  const sign = (claims: JWTPayload, { key = 'own' }: { key?: 'own' | 'foreign' } = {}) =>
    signed(claims, key === 'own' ? own.privateKey : foreign.privateKey);
  const scripted: ScriptedConsent = {
    ...{ tokens, pages, issuer, keysAway: false, interval: 1, sign },
    endpoints: {
      ...{ issuer, tokenEndpoint: tokens.tokenEndpoint },
      revocationEndpoint: tokens.revocationEndpoint,
      authorizationEndpoint: `${issuer}/authorize`,
      deviceAuthorizationEndpoint: `${issuer}/device`,
      jwksUri: `${issuer}/jwks`,
    },
    async goodTokens(nonce, claims = {}) {
      const idToken = await sign({
        ...{ iss: issuer, aud: CLIENT_ID, sub: 'alice' },
        ...(nonce === null ? {} : { nonce }),
        ...claims,
      });
      const number = tokens.received.length;
      return issue(`consent-access-${number}`, {
        ...{ refresh_token: `consent-refresh-${number}`, id_token: idToken, expires_in: 600 },
      });
    },
    async stop() {
      await Promise.all([tokens.stop(), pages.stop()]);
    },
  };
  return scripted;
}

function signed(claims: JWTPayload, key: CryptoKey): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: KEY_ID })
    .setIssuedAt()
    .setExpirationTime('5 minutes')
    .sign(key);
}

/** Puts a connection that leads to a scripted server. */
export async function putScripted(
  system: TokenSystem,
  server: ScriptedConsent,
  { name, ...grant }: { name: string } & Record<string, unknown>,
): Promise<string> {
  const file = consentFile(system, name, { grant });
  const { connectionId } = await system.put({ ...file, authorizationServer: server.endpoints });
  return connectionId;
}

/** A person who has consented at a scripted server: the answer that a browser would bring. */
export interface ScriptedAnswer {
  begun: Begun;
  query: URLSearchParams;
  nonce: string | null;
}

/** Begins an authorization and answers it as the server would. */
export async function consentedAt(
  system: TokenSystem,
  connectionId: string,
  acceptNewSubject = false,
): Promise<ScriptedAnswer> {
  const begun = await begin(system, connectionId, acceptNewSubject);
  const asked = new URL(begun.url.reveal()).searchParams;
  const code = `marked-code-${randomBytes(12).toString('hex')}`;
  const query = new URLSearchParams({ state: asked.get('state') ?? '', code });
  return { begun, query, nonce: asked.get('nonce') };
}

/** The same, handed over. */
export async function receivedAt(
  system: TokenSystem,
  connectionId: string,
): Promise<ScriptedAnswer> {
  const answer = await consentedAt(system, connectionId);
  await callBack(system, answer.query, answer.begun.browser);
  return answer;
}
