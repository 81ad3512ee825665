import { describe, expect, it } from 'vitest';
import { openAnswer, openSecrets, sealAnswer } from '../../src/authorizations/index.js';
import { sealSecrets, type AuthorizationPlace } from '../../src/authorizations/sealed-parts.js';
import { Secret } from '../../src/secret.js';
import { prepareSealer } from '../../src/store/index.js';
import { keysInMemory, testKey } from '../store/keys.js';

const server = (tokenEndpoint: string) =>
  ({ tokenEndpoint }) as AuthorizationPlace['connection']['authorizationServer'];

function placeOf(changes: Partial<AuthorizationPlace['record']> = {}): AuthorizationPlace {
  return {
    database: { name: 'd' },
    record: { authorizationId: 'a', connectionId: 'c', incarnation: 'i', ...changes },
    connection: {
      authorizationServer: server('https://as.example/token'),
      client: { clientId: 'client', authentication: 'none' },
    },
  };
}

const SECRETS = {
  ...{ state: new Secret('the-state-12345'), codeVerifier: new Secret('the-verifier-12345') },
  ...{ nonce: null, deviceCode: null },
};

describe('what is sealed of an authorization', () => {
  it('opens as it was, absent members as absent', async () => {
    const keys = keysInMemory(testKey('k', 'grant'));
    const sealed = await sealSecrets(await prepareSealer(keys, 'grant'), placeOf(), SECRETS);
    const opened = await openSecrets(keys, placeOf(), sealed);
    expect(opened.state?.reveal()).toBe('the-state-12345');
    expect(opened.codeVerifier?.reveal()).toBe('the-verifier-12345');
    expect([opened.nonce, opened.deviceCode]).toEqual([null, null]);
  });

  it('opens in its own place alone: another authorization, incarnation or server is another', async () => {
    const keys = keysInMemory(testKey('k', 'grant'));
    const sealed = await sealSecrets(await prepareSealer(keys, 'grant'), placeOf(), SECRETS);
    const elsewhere = placeOf();
    elsewhere.connection.authorizationServer = server('https://evil.example/token');
    for (const place of [
      placeOf({ authorizationId: 'b' }),
      placeOf({ incarnation: 'j' }),
      placeOf({ connectionId: 'e' }),
      elsewhere,
    ]) {
      await expect(openSecrets(keys, place, sealed)).rejects.toMatchObject({
        code: 'unreadable',
      });
    }
  });

  it('keeps an answer whole, and does not take it for a request', async () => {
    const keys = keysInMemory(testKey('k', 'grant'));
    const answer = {
      ...{ accessToken: new Secret('access-token-1'), refreshToken: null },
      ...{ idToken: new Secret('id-token-1'), tokenType: 'Bearer', scope: 'read', problem: null },
      ...{ expiresInMs: 60_000, refreshTokenExpiresInMs: 'never' as const },
    };
    const sealed = await sealAnswer(await prepareSealer(keys, 'grant'), placeOf(), answer);
    const opened = await openAnswer(keys, placeOf(), sealed);
    expect({ ...opened, accessToken: null, idToken: null }).toEqual({
      ...{ ...answer, accessToken: null, idToken: null },
    });
    expect(opened.accessToken?.reveal()).toBe('access-token-1');
    expect(opened.idToken?.reveal()).toBe('id-token-1');
    await expect(openSecrets(keys, placeOf(), sealed)).rejects.toMatchObject({
      code: 'unreadable',
    });
  });
});
