// `put` of connections that the package asks a person for.
import { describe, expect, it } from 'vitest';
import { showConnection } from '../../src/connections/index.js';
import {
  CLIENT_CREDENTIALS,
  connectionOf,
  fail,
  issue,
  problemsOf,
  put,
  REFRESH_TOKEN,
  refreshToken,
  store,
  tokenOf,
  warnings,
} from './put-fixture.js';

const SERVER = {
  issuer: 'https://as.example.com',
  tokenEndpoint: 'https://as.example.com/oauth/token',
  authorizationEndpoint: 'https://login.example.com/authorize',
  deviceAuthorizationEndpoint: 'https://as.example.com/oauth/device',
  jwksUri: 'https://as.example.com/jwks',
};
const CODE = {
  ...CLIENT_CREDENTIALS,
  authorizationServer: SERVER,
  grant: {
    grantType: 'authorization_code',
    scope: 'openid read',
    redirectUris: ['https://tokens.example.com/callback'],
  },
};
const codeWith = (grant: object): object => ({ ...CODE, grant: { ...CODE.grant, ...grant } });

/** What a consent leaves behind: the next epoch with a refresh token. */
async function consent(): Promise<void> {
  const { record } = await tokenOf();
  await store.database.tokens.updateOne(
    { _id: record.connectionId },
    { $set: { epoch: record.epoch + 1, state: 'active' } },
  );
  await issue('rt-of-the-person');
}

describe('a connection that a person authorizes', () => {
  it.each(['authorization_code', 'device_code'])(
    'begins by needing them (%s)',
    async (grantType) => {
      const grant = { grantType, scope: 'openid read' };
      expect(await put({ ...CODE, grant })).toEqual({
        connectionId: 'superservice',
        created: true,
        changed: [],
        epoch: 1,
        generation: 0,
        state: 'reauthorization_required',
      });
      expect((await tokenOf()).grant).toBeNull();
    },
  );

  it('stays so when the same file is put again', async () => {
    await put(CODE);
    expect(await put(CODE)).toMatchObject({
      created: false,
      changed: [],
      epoch: 1,
      generation: 0,
      state: 'reauthorization_required',
    });
  });

  it('is shown as it was put', async () => {
    const file = codeWith({ pkce: false, authorizationParameters: { access_type: 'offline' } });
    await put(file);
    const shown = showConnection(await connectionOf());
    expect(shown.grant).toEqual({
      ...CODE.grant,
      pkce: false,
      authorizationParameters: { access_type: 'offline' },
    });
    expect(shown.authorizationServer).toEqual({ ...SERVER, requestTimeoutMs: 10_000 });
    expect(warnings).toEqual([expect.stringContaining('grant.pkce is false')]);
  });

  it('keeps what the person granted when nothing changes, or nothing that matters', async () => {
    await put(CODE);
    await consent();
    const kept = { epoch: 2, generation: 1, state: 'active' };
    expect(await put(CODE)).toMatchObject({ changed: [], ...kept });
    const changed = codeWith({
      redirectUris: ['https://tokens.example.com/cb', 'http://127.0.0.1/callback'],
      authorizationParameters: { prompt: 'consent' },
      scope: 'openid read write',
      rotation: 'strict',
    });
    expect((await put(changed)).changed.sort()).toEqual([
      'grant.authorizationParameters',
      'grant.redirectUris',
      'grant.rotation',
      'grant.scope',
    ]);
    const { record } = await tokenOf();
    expect(record).toMatchObject({ ...kept, invalid: null });
    expect(await refreshToken()).toBe('rt-of-the-person');
    expect(warnings).toEqual([
      'What changed in grant.scope and grant.authorizationParameters is asked for at the next authorization.',
    ]);
  });

  it.each([
    ['another person is expected', codeWith({ expectedSubject: 'alice' })],
    ['the grant is another one', codeWith({ grantType: 'device_code', redirectUris: undefined })],
    ['the client is another one', { ...CODE, client: { ...CODE.client, clientId: 'other' } }],
    [
      'the token endpoint moves',
      {
        ...CODE,
        authorizationServer: { ...SERVER, tokenEndpoint: 'https://as2.example.com/token' },
      },
    ],
  ])('needs them again when %s', async (_what, file) => {
    await put(CODE);
    await consent();
    expect(await put(file)).toMatchObject({ epoch: 3, state: 'reauthorization_required' });
    expect(await tokenOf()).toMatchObject({ grant: null, access: null });
  });

  it('does not need them again when anybody is welcome from now on', async () => {
    await put(codeWith({ expectedSubject: 'alice' }));
    await consent();
    expect(await put(CODE)).toMatchObject({ epoch: 2, state: 'active' });
  });

  it('still needs them after a put that changes nothing', async () => {
    await put(CODE);
    await consent();
    await fail('OAuth.invalid_grant', 'reauthorization_required');
    expect(await put(CODE)).toMatchObject({ epoch: 2, state: 'reauthorization_required' });
  });

  it('takes the place of an imported refresh token, and the other way round', async () => {
    await put(REFRESH_TOKEN);
    expect(await put(CODE)).toMatchObject({ epoch: 2, state: 'reauthorization_required' });
    expect(await refreshToken()).toBeNull();
    expect(await put(REFRESH_TOKEN)).toMatchObject({ epoch: 3, state: 'active' });
    expect(await refreshToken()).toBe('rt-imported');
  });

  it('is refused when its client secret is nowhere', async () => {
    expect(await problemsOf(put(CODE, {}))).toEqual([
      expect.stringMatching(/^client\.clientSecret: .*SECRET is not set/),
    ]);
  });
});

describe('a connection of an earlier version', () => {
  it('is read as one that asks with PKCE', async () => {
    await put(CLIENT_CREDENTIALS);
    await store.database.connections.updateOne(
      { _id: 'superservice' },
      {
        $unset: {
          ...{ 'grant.pkce': 1, 'grant.redirectUris': 1, 'grant.authorizationParameters': 1 },
          ...{ 'grant.expectedSubject': 1, 'authorizationServer.jwksUri': 1 },
          'authorizationServer.pushedAuthorizationRequestEndpoint': 1,
          'authorizationServer.authorizationResponseIssParameterSupported': 1,
          'authorizationServer.requirePushedAuthorizationRequests': 1,
        },
      },
    );
    expect(await put(CLIENT_CREDENTIALS)).toMatchObject({ changed: [], epoch: 1 });
  });
});
