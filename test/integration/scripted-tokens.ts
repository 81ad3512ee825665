import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { startScriptedAuthorizationServer } from '../../src/testing/index.js';
import { sendJson } from './recording-server.js';

/** One token request, parsed. */
export type TokenForm = Record<string, string>;

/** A token endpoint whose tokens are marked, and whose answers a test may write by hand. */
export interface ScriptedTokens {
  tokenEndpoint: string;
  /** Every token request, in order. */
  requests: TokenForm[];
  /** Every access token issued, in order. */
  accessTokens: string[];
  /** Every refresh token issued, in order. */
  refreshTokens: string[];
  /** Whether an access token was issued here, has not expired and was not ended. */
  isActive(accessToken: string): boolean;
  /** Ends every access token issued so far, behind everybody's back. */
  endAll(): void;
  /** Answers in place of the usual answer, until set to null. */
  answer: ((form: TokenForm, response: ServerResponse) => void | Promise<void>) | null;
  /** The usual answer: a new access token, and a new refresh token where one was sent. */
  issue: (form: TokenForm, response: ServerResponse) => void;
  stop: () => Promise<void>;
}

/** Starts a token endpoint; tokens live for `lifetimeMs` by its own clock. */
export async function startScriptedTokens(lifetimeMs = 300_000): Promise<ScriptedTokens> {
  const server = await startScriptedAuthorizationServer();
  const { ledger, tokenEndpoint } = server;
  const requests: TokenForm[] = [];
  const issue = (form: TokenForm, response: ServerResponse): void => {
    const mark = (what: string) =>
      `marked-${what}-${requests.length}-${randomBytes(12).toString('hex')}`;
    const [access, refresh] = [mark('access'), mark('refresh')];
    const rotates = form['grant_type'] === 'refresh_token';
    ledger.issue(access, rotates ? refresh : null, lifetimeMs);
    sendJson(response, 200, {
      access_token: access,
      token_type: 'bearer',
      expires_in: lifetimeMs / 1_000,
      ...(rotates ? { refresh_token: refresh } : {}),
    });
  };
  server.otherwise = async ({ parameters }, response) => {
    requests.push(parameters);
    await (scripted.answer ?? issue)(parameters, response);
    return undefined;
  };
  const scripted: ScriptedTokens = {
    ...{ tokenEndpoint, requests, issue, answer: null },
    stop: () => server.stop(),
    accessTokens: ledger.accessTokens,
    refreshTokens: ledger.refreshTokens,
    isActive: (token) => ledger.isActive(token),
    endAll: () => ledger.endAll(),
  };
  return scripted;
}
