import { describe, expect, it } from 'vitest';
import { introspectToken, revokeToken, type TokenQuestion } from '../../src/oauth/index.js';
import { Secret } from '../../src/secret.js';
import { CLIENT_SECRET, loopback } from './requests.js';
import { startServer, unusedPort } from './servers.js';

const TOKEN = 'CANARY-token-to-ask-about';
const OPTIONS = { timeoutMs: 2_000, network: loopback };

function question(endpoint: string, different: Partial<TokenQuestion> = {}): TokenQuestion {
  return {
    endpoint,
    client: {
      clientId: 'client_id_123',
      authentication: 'client_secret_basic',
      clientSecret: new Secret(CLIENT_SECRET),
    },
    token: new Secret(TOKEN),
    hint: 'refresh_token',
    ...different,
  };
}

async function serverWith(status: number, body = '', headers: Record<string, string> = {}) {
  return startServer((_request, response) => {
    response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body);
  });
}

describe('asking for a revocation', () => {
  it('posts the token with its hint, authenticated like a token request (RFC 7009 §2.1)', async () => {
    const server = await serverWith(200);
    expect(await revokeToken(question(`${server.origin}/revoke`), OPTIONS)).toEqual({
      kind: 'revoked',
    });
    const [received] = server.received;
    expect(received?.method).toBe('POST');
    expect(received?.headers.authorization).toMatch(/^Basic /);
    expect(Object.fromEntries(new URLSearchParams(received?.body))).toEqual({
      token: TOKEN,
      token_type_hint: 'refresh_token',
    });
  });

  it('takes unsupported_token_type for a server that never will (RFC 7009 §2.2.1)', async () => {
    const server = await serverWith(400, '{"error":"unsupported_token_type"}');
    expect(await revokeToken(question(server.origin), OPTIONS)).toEqual({ kind: 'never' });
  });

  it('takes invalid_token for a token that is of no use any more', async () => {
    const server = await serverWith(400, '{"error":"invalid_token"}');
    expect(await revokeToken(question(server.origin), OPTIONS)).toEqual({ kind: 'revoked' });
  });

  it.each([
    [503, 'server_error', 120_000],
    [429, 'rate_limited', 120_000],
  ])('takes the token for alive after %i, and says when to ask again', async (status, code, ms) => {
    const server = await serverWith(status, '', { 'retry-after': '120' });
    expect(await revokeToken(question(server.origin), OPTIONS)).toMatchObject({
      ...{ kind: 'failed', code, final: false, retryAfterMs: ms },
    });
  });

  it('takes the token for alive when nobody answers', async () => {
    const port = await unusedPort();
    expect(await revokeToken(question(`http://127.0.0.1:${port}/`), OPTIONS)).toMatchObject({
      ...{ kind: 'failed', code: 'unreachable', final: false },
    });
  });

  it('does not follow a redirect with the token, and takes it for a refusal', async () => {
    const elsewhere = await serverWith(200);
    const server = await serverWith(307, '', { location: elsewhere.origin });
    expect(await revokeToken(question(server.origin), OPTIONS)).toMatchObject({
      ...{ kind: 'failed', code: 'other', final: true, httpStatus: 307 },
    });
    expect(elsewhere.received).toEqual([]);
  });

  it('takes an error in a 200 for what it says', async () => {
    const server = await serverWith(200, '{"error":"invalid_client"}');
    expect(await revokeToken(question(server.origin), OPTIONS)).toMatchObject({
      ...{ kind: 'failed', code: 'invalid_client', final: true },
    });
  });

  it('repeats nothing of what the server wrote', async () => {
    const server = await serverWith(400, `{"error":"${TOKEN}","error_description":"${TOKEN}"}`);
    const result = await revokeToken(question(server.origin), OPTIONS);
    expect(JSON.stringify(result)).not.toContain(TOKEN);
  });

  it('sends nothing to an address that the network setting does not allow', async () => {
    const asked = revokeToken(question('http://10.0.0.1/revoke'), OPTIONS);
    await expect(asked).rejects.toMatchObject({ code: 'network_not_allowed' });
  });
});

describe('asking whether a token is active', () => {
  it('says yes to the boolean true alone (RFC 7662 §2.2)', async () => {
    const answers: [string, string][] = [
      ['{"active":true,"sub":"x"}', 'active'],
      ['{"active":false}', 'inactive'],
      ['{"active":"true"}', 'inactive'],
      ['{"active":1}', 'inactive'],
      ['{"active":null}', 'inactive'],
      ['{}', 'inactive'],
    ];
    for (const [body, kind] of answers) {
      const server = await serverWith(200, body);
      expect(await introspectToken(question(server.origin), OPTIONS)).toEqual({ kind });
    }
  });

  it.each(['<html>Sign in</html>', '', '[true]', 'active=true'])(
    'knows nothing from an answer that is no JSON object: %s',
    async (body) => {
      const server = await serverWith(200, body);
      expect(await introspectToken(question(server.origin), OPTIONS)).toMatchObject({
        ...{ kind: 'failed', code: 'malformed_response', final: false },
      });
    },
  );

  it('knows nothing when the server refuses, or is away', async () => {
    const refusing = await serverWith(401, '{"error":"invalid_client"}');
    expect(await introspectToken(question(refusing.origin), OPTIONS)).toMatchObject({
      ...{ kind: 'failed', code: 'invalid_client', final: true },
    });
    const away = await serverWith(503);
    expect(await introspectToken(question(away.origin), OPTIONS)).toMatchObject({
      ...{ kind: 'failed', code: 'server_error', final: false },
    });
  });
});
