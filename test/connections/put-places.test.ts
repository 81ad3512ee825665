import { describe, expect, it } from 'vitest';
import {
  CLIENT_CREDENTIALS,
  REFRESH_TOKEN,
  put,
  problemsOf,
  connectionOf,
  tokenOf,
  clientSecret,
  refreshToken,
  issue,
} from './put-fixture.js';

describe('put with another place for the secrets', () => {
  const moved = (file: typeof CLIENT_CREDENTIALS | typeof REFRESH_TOKEN) => ({
    ...file,
    authorizationServer: { tokenEndpoint: 'https://evil.example.net/oauth/token' },
  });

  it('is refused without the secrets, and nothing changes', async () => {
    await put(REFRESH_TOKEN);
    const problems = await problemsOf(put(moved(REFRESH_TOKEN), {}));
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/^client\.clientSecret: the environment variable SECRET is not/);
    expect(problems[0]).toContain('because authorizationServer.tokenEndpoint changed');
    expect(problems[1]).toMatch(/^grant\.refreshToken: /);
    expect((await connectionOf()).connection.revision).toBe(1);
  });

  it('is refused with the client secret alone, for the refresh token would go there too', async () => {
    await put(REFRESH_TOKEN);
    const problems = await problemsOf(put(moved(REFRESH_TOKEN), { SECRET: 'mine' }));
    expect(problems).toEqual([expect.stringMatching(/^grant\.refreshToken: /)]);
  });

  it('starts the next epoch with the secrets, even with the same refresh token', async () => {
    await put(REFRESH_TOKEN);
    await issue('rt-rotated');
    const result = await put(moved(REFRESH_TOKEN));
    expect(result).toMatchObject({ epoch: 2, generation: 1, state: 'active' });
    expect(result.changed).toContain('authorizationServer.tokenEndpoint');
    expect(await refreshToken()).toBe('rt-imported');
    expect(await clientSecret()).toBe('s3cret-value');
    expect((await tokenOf()).record.hasAccessToken).toBe(false);
  });

  it.each([
    ['client.clientId', { client: { ...CLIENT_CREDENTIALS.client, clientId: 'other' } }],
    [
      'client.authentication',
      { client: { ...CLIENT_CREDENTIALS.client, authentication: 'client_secret_basic' } },
    ],
    [
      'authorizationServer.issuer',
      {
        authorizationServer: {
          ...CLIENT_CREDENTIALS.authorizationServer,
          issuer: 'https://as.example.com',
        },
      },
    ],
    [
      'authorizationServer.revocationEndpoint',
      {
        authorizationServer: {
          ...CLIENT_CREDENTIALS.authorizationServer,
          revocationEndpoint: 'https://evil.example.net/revoke',
        },
      },
    ],
  ])('asks for the secret again when %s changes', async (field, change) => {
    await put(CLIENT_CREDENTIALS);
    const file = { ...CLIENT_CREDENTIALS, ...change };
    const [problem] = await problemsOf(put(file, {}));
    expect(problem).toMatch(new RegExp(`^client\\.clientSecret: .*${field} changed`));
    expect(await put(file)).toMatchObject({ changed: [field], epoch: 2 });
    expect(await clientSecret()).toBe('s3cret-value');
  });

  it('keeps the epoch when only the path changes, or an endpoint of the same host is added', async () => {
    await put(CLIENT_CREDENTIALS);
    const authorizationServer = {
      tokenEndpoint: 'https://as.example.com/v2/token',
      revocationEndpoint: 'https://as.example.com/revoke',
    };
    const result = await put({ ...CLIENT_CREDENTIALS, authorizationServer }, {});
    expect(result).toMatchObject({ epoch: 1, generation: 0 });
    expect(await clientSecret()).toBe('s3cret-value');
  });

  it('forgets the client secret when the client has none any more', async () => {
    await put(CLIENT_CREDENTIALS);
    const client = { clientId: 'client_id_123', authentication: 'none' };
    const result = await put({ ...CLIENT_CREDENTIALS, client }, {});
    expect(result).toMatchObject({ epoch: 2 });
    expect((await connectionOf()).clientSecret).toBeNull();
  });

  it('starts the next epoch with another grant type', async () => {
    await put(REFRESH_TOKEN);
    expect(await put(CLIENT_CREDENTIALS, {})).toMatchObject({ epoch: 2 });
    expect(await refreshToken()).toBeNull();
    expect(await problemsOf(put(REFRESH_TOKEN, {}))).toEqual([
      expect.stringMatching(/^grant\.refreshToken: /),
    ]);
    expect(await put(REFRESH_TOKEN)).toMatchObject({ epoch: 3 });
  });
});
