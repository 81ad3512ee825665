import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { createNetwork } from '../../src/network.js';
import {
  checkIdToken,
  createKeySets,
  IdTokenError,
  type ExpectedIdToken,
  type KeySets,
} from '../../src/oauth/index.js';
import { Secret } from '../../src/secret.js';
import { SEND } from './consent-requests.js';
import { startServer, unusedPort, type TestServer } from './servers.js';

const ISSUER = 'https://auth.example';
const CLIENT_ID = 'client_id_123';
const NONCE = 'n-0S6_WzA2Mj';
const NOW = 1_767_268_800;
const ACCESS_TOKEN = 'jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y';

interface SigningKey {
  alg: string;
  privateKey: CryptoKey;
  jwk: JWK;
}

const keys = new Map<string, SigningKey>();

async function makeKey(alg: string, kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const key = { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), alg, kid, use: 'sig' } };
  keys.set(kid, key);
  return key;
}

beforeAll(async () => {
  for (const alg of ['RS256', 'PS384', 'ES256', 'ES512', 'EdDSA']) await makeKey(alg, alg);
  await makeKey('ES256', 'next');
  await makeKey('ES256', 'foreign');
});

function keyOf(kid: string): SigningKey {
  const key = keys.get(kid);
  if (key === undefined) throw new Error(`no key ${kid}`);
  return key;
}

const CLAIMS = {
  iss: ISSUER,
  aud: CLIENT_ID,
  sub: '248289761001',
  iat: NOW - 5,
  exp: NOW + 300,
  nonce: NONCE,
};

/** A signed ID token with other claims; undefined leaves one out. */
function sign(different: Record<string, unknown> = {}, kid = 'ES256', header: object = {}) {
  const { alg, privateKey } = keyOf(kid);
  return new SignJWT({ ...CLAIMS, ...different })
    .setProtectedHeader({ alg, kid, ...header })
    .sign(privateKey);
}

/** Serves the public keys of the ids; say others later. */
async function serveKeys(...kids: string[]) {
  const served = { kids, status: 200 };
  const server: TestServer = await startServer((_request, response) => {
    const body = { keys: served.kids.map((kid) => keyOf(kid).jwk) };
    response.writeHead(served.status).end(JSON.stringify(body));
  });
  return { server, served, jwksUri: `${server.origin}/jwks`, keySets: createKeySets(SEND) };
}

function expectedAt(jwksUri: string, different: Partial<ExpectedIdToken> = {}): ExpectedIdToken {
  return {
    issuer: ISSUER,
    clientId: CLIENT_ID,
    jwksUri,
    receivedAtMs: NOW * 1_000,
    nonce: new Secret(NONCE),
    accessToken: new Secret(ACCESS_TOKEN),
    maxAgeSeconds: null,
    subject: null,
    ...different,
  };
}

async function check(token: string, different: Partial<ExpectedIdToken> = {}, kids = ['ES256']) {
  const { jwksUri, keySets } = await serveKeys(...kids);
  return checkIdToken(new Secret(token), expectedAt(jwksUri, different), keySets);
}

async function errorOf(checked: Promise<unknown>): Promise<IdTokenError> {
  const error: unknown = await checked.catch((thrown: unknown) => thrown);
  if (error instanceof IdTokenError) return error;
  throw new Error(`Expected an IdTokenError, got ${inspect(error)}.`);
}

const hashOf = (algorithm: string): string => {
  const digest = createHash(algorithm).update(ACCESS_TOKEN).digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
};

describe('an ID token', () => {
  it.each(['RS256', 'PS384', 'ES256', 'ES512', 'EdDSA'])('signed with %s says who', async (kid) => {
    const checked = await check(await sign({}, kid), {}, ['foreign', kid]);
    expect(checked).toEqual({ subject: '248289761001', issuer: ISSUER });
  });

  it('is checked against the at_hash of OpenID Connect Core A.3', async () => {
    expect(hashOf('sha256')).toBe('77QmUPtjPfzWtF2AnpK9RQ');
    await expect(check(await sign({ at_hash: '77QmUPtjPfzWtF2AnpK9RQ' }))).resolves.toBeDefined();
  });

  it.each([
    ['PS384', 'sha384'],
    ['ES512', 'sha512'],
    ['EdDSA', 'sha512'],
  ])('hashes the access token as %s does, with %s', async (kid, algorithm) => {
    const token = await sign({ at_hash: hashOf(algorithm) }, kid);
    await expect(check(token, {}, [kid])).resolves.toBeDefined();
    const wrong = await sign({ at_hash: hashOf('sha256') }, kid);
    expect((await errorOf(check(wrong, {}, [kid]))).code).toBe('access_token_mismatch');
  });

  it('may be for others too when it was issued to this client (Core §3.1.3.7)', async () => {
    const aud = [CLIENT_ID, 'https://api.example'];
    await expect(check(await sign({ aud, azp: CLIENT_ID }))).resolves.toBeDefined();
    await expect(check(await sign({ aud: [CLIENT_ID] }))).resolves.toBeDefined();
  });

  it('was valid or not when it was received, however late it is looked at', async () => {
    const old = await sign({ iat: NOW - 9_000, exp: NOW - 8_000 });
    const receivedAtMs = (NOW - 8_500) * 1_000;
    await expect(check(old, { receivedAtMs })).resolves.toBeDefined();
  });

  it('of a consent without a nonce need not have one', async () => {
    await expect(check(await sign({ nonce: undefined }), { nonce: null })).resolves.toBeDefined();
  });

  it('may be signed by one of several keys without an id', async () => {
    const server = await startServer((_request, response) => {
      const anonymous = ['foreign', 'next', 'ES256'].map((id) => {
        const { kty, crv, x, y } = keyOf(id).jwk;
        return { kty, crv, x, y };
      });
      response.end(JSON.stringify({ keys: anonymous }));
    });
    const expected = expectedAt(server.origin);
    const keySets = createKeySets(SEND);
    const token = await sign({}, 'ES256', { kid: undefined });
    await expect(checkIdToken(new Secret(token), expected, keySets)).resolves.toBeDefined();
    await makeKey('ES256', 'unlisted');
    const foreign = await sign({}, 'unlisted', { kid: undefined });
    const error = await errorOf(checkIdToken(new Secret(foreign), expected, keySets));
    expect(error.code).toBe('signature_invalid');
  });

  it('says that the person signed in when that was asked for (max_age)', async () => {
    const token = await sign({ auth_time: NOW - 100 });
    await expect(check(token, { maxAgeSeconds: 100 })).resolves.toBeDefined();
    expect((await errorOf(check(token, { maxAgeSeconds: 10 }))).code).toBe('sign_in_too_old');
    const silent = await errorOf(check(await sign(), { maxAgeSeconds: 100 }));
    expect(silent.code).toBe('sign_in_too_old');
  });
});

describe('an ID token is refused', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['of another issuer', { iss: 'https://CANARY.example' }, 'issuer_mismatch'],
    ['of an issuer with a slash more', { iss: `${ISSUER}/` }, 'issuer_mismatch'],
    ['without issuer', { iss: undefined }, 'issuer_mismatch'],
    ['for another client', { aud: 'CANARY' }, 'audience_mismatch'],
    ['without audience', { aud: undefined }, 'audience_mismatch'],
    [
      'for others too, and silent about whose it is',
      { aud: [CLIENT_ID, 'x'] },
      'audience_mismatch',
    ],
    ['issued to another client', { azp: 'CANARY' }, 'audience_mismatch'],
    ['that had expired', { iat: NOW - 900, exp: NOW - 61 }, 'expired'],
    ['without expiry', { exp: undefined }, 'expired'],
    ['from the future', { iat: NOW + 61 }, 'not_yet_valid'],
    ['without the time of its issue', { iat: undefined }, 'unreadable'],
    ['that is valid later', { nbf: NOW + 600 }, 'not_yet_valid'],
    ['with another nonce', { nonce: 'CANARY' }, 'nonce_mismatch'],
    ['without the nonce', { nonce: undefined }, 'nonce_mismatch'],
    ['of another access token', { at_hash: 'CANARY' }, 'access_token_mismatch'],
    ['without subject', { sub: undefined }, 'subject_missing'],
    ['with an empty subject', { sub: '' }, 'subject_missing'],
    ['with a subject that is no text', { sub: 5 }, 'subject_missing'],
  ])('%s', async (_what, claims, code) => {
    const error = await errorOf(check(await sign(claims)));
    expect(error).toMatchObject({ code, temporary: false });
    expect(inspect(error, { depth: 9 })).not.toContain('CANARY');
  });

  it('without a signature', async () => {
    const unsigned = new UnsecuredJWT(CLAIMS).encode();
    expect((await errorOf(check(unsigned))).code).toBe('algorithm_not_allowed');
  });

  it('signed with a shared secret, be it a public key', async () => {
    const secret = new TextEncoder().encode(JSON.stringify(keyOf('ES256').jwk));
    const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256' }).sign(secret);
    expect((await errorOf(check(token))).code).toBe('algorithm_not_allowed');
  });

  it('signed by a stranger under the id of the issuer’s key', async () => {
    const token = await sign({}, 'foreign', { kid: 'ES256' });
    expect((await errorOf(check(token))).code).toBe('signature_invalid');
  });

  it('signed with a key that the issuer does not have', async () => {
    const error = await errorOf(check(await sign({}, 'foreign')));
    expect(error).toMatchObject({ code: 'key_unknown', temporary: false });
  });

  it('that was changed on its way', async () => {
    const [header, , signature] = (await sign()).split('.');
    const payload = Buffer.from(JSON.stringify({ ...CLAIMS, sub: 'evil' })).toString('base64url');
    const error = await errorOf(check([header, payload, signature].join('.')));
    expect(error.code).toBe('signature_invalid');
  });

  it.each(['', 'CANARY', 'a.b.c', 'x'.repeat(65 * 1_024)])(
    'that is none (%.24s)',
    async (token) => {
      const error = await errorOf(check(token));
      expect(error.code).toBe('unreadable');
      expect(inspect(error, { depth: 9 })).not.toContain('CANARY');
    },
  );
});

describe('the ID token of a refresh (OpenID Connect Core §12.2)', () => {
  const refresh = { subject: '248289761001' };

  it('is of the same person, with the same nonce or none', async () => {
    await expect(check(await sign(), { ...refresh, nonce: null })).resolves.toBeDefined();
    await expect(check(await sign({ nonce: undefined }), refresh)).resolves.toBeDefined();
    await expect(check(await sign(), refresh)).resolves.toBeDefined();
    const other = await errorOf(check(await sign({ nonce: 'other' }), refresh));
    expect(other.code).toBe('nonce_mismatch');
  });

  it('is refused when it is of another person, or of another issuer', async () => {
    const person = await errorOf(check(await sign({ sub: 'somebody-else' }), refresh));
    expect(person).toMatchObject({ code: 'subject_mismatch', temporary: false });
    const issuer = await errorOf(check(await sign({ iss: 'https://evil.example' }), refresh));
    expect(issuer.code).toBe('issuer_mismatch');
  });
});

describe("the issuer's keys", () => {
  async function checkTwice(keySets: KeySets, expected: ExpectedIdToken, token: string) {
    await checkIdToken(new Secret(token), expected, keySets);
    await checkIdToken(new Secret(token), expected, keySets);
  }

  it('are read once for many checks', async () => {
    const { server, jwksUri, keySets } = await serveKeys('ES256');
    await Promise.all(
      Array.from({ length: 10 }, async () =>
        checkTwice(keySets, expectedAt(jwksUri), await sign()),
      ),
    );
    expect(server.received).toHaveLength(1);
  });

  it('are read anew when they may have been rotated, but not for every stranger', async () => {
    const { server, served, jwksUri } = await serveKeys('ES256');
    const inner = createKeySets(SEND);
    // Keys that were read eleven seconds ago.
    const keySets: KeySets = {
      read: async (uri, maxAgeMs) => {
        const kept = await inner.read(uri, maxAgeMs < 11_000 ? -1 : maxAgeMs);
        return kept && { ...kept, ageMs: kept.ageMs + 11_000 };
      },
    };
    const expected = expectedAt(jwksUri);
    await checkIdToken(new Secret(await sign()), expected, keySets);
    served.kids = ['next'];
    await checkIdToken(new Secret(await sign({}, 'next')), expected, keySets);
    expect(server.received).toHaveLength(2);
    // A set that has just been read says all there is to say.
    const stranger = new Secret(await sign({}, 'foreign'));
    expect((await errorOf(checkIdToken(stranger, expected, inner))).code).toBe('key_unknown');
    expect(server.received).toHaveLength(2);
  });

  it('that cannot be read now make no token wrong', async () => {
    const token = new Secret(await sign());
    const { served, jwksUri, keySets } = await serveKeys('ES256');
    const gone = `http://127.0.0.1:${await unusedPort()}/jwks`;
    for (const status of [500, 503, 404, 302, 204]) {
      served.status = status;
      const error = await errorOf(checkIdToken(token, expectedAt(jwksUri), keySets));
      expect(error).toMatchObject({ code: 'keys_unavailable', temporary: true });
    }
    const error = await errorOf(checkIdToken(token, expectedAt(gone), keySets));
    expect(error).toMatchObject({ code: 'keys_unavailable', temporary: true });
    served.status = 200;
    await expect(checkIdToken(token, expectedAt(jwksUri), keySets)).resolves.toBeDefined();
  });

  it.each(['CANARY', '{"keys":{}}', '[]', `{"keys":[],"x":"${'x'.repeat(2 * 1_024 * 1_024)}"}`])(
    'that are none make no token wrong (%.12s)',
    async (body) => {
      const server = await startServer((_request, response) => response.end(body));
      const token = new Secret(await sign());
      const error = await errorOf(
        checkIdToken(token, expectedAt(server.origin), createKeySets(SEND)),
      );
      expect(error.code).toBe('keys_unavailable');
      expect(inspect(error, { depth: 9 })).not.toContain('CANARY');
    },
  );

  it('are read only where the network setting allows', async () => {
    const keySets = createKeySets({ network: createNetwork({ mode: 'public' }), timeoutMs: 500 });
    const expected = expectedAt('https://10.0.0.1/jwks');
    const attempt = checkIdToken(new Secret(await sign()), expected, keySets);
    await expect(attempt).rejects.toMatchObject({ code: 'network_not_allowed' });
  });
});
