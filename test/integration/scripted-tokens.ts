import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { sendJson, startRecordingServer } from './recording-server.js';

/** One token request, parsed. */
export type TokenForm = Record<string, string>;

/** A token endpoint whose tokens the test knows. */
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
  const requests: TokenForm[] = [];
  const until = new Map<string, number>();
  const issued = { access: [] as string[], refresh: [] as string[] };
  const issue = (form: TokenForm, response: ServerResponse): void => {
    const access = `marked-access-${requests.length}-${randomBytes(12).toString('hex')}`;
    issued.access.push(access);
    until.set(access, performance.now() + lifetimeMs);
    const refresh = `marked-refresh-${requests.length}-${randomBytes(12).toString('hex')}`;
    if (form['grant_type'] === 'refresh_token') issued.refresh.push(refresh);
    sendJson(response, 200, {
      access_token: access,
      token_type: 'bearer',
      expires_in: lifetimeMs / 1_000,
      ...(form['grant_type'] === 'refresh_token' ? { refresh_token: refresh } : {}),
    });
  };
  const server = await startRecordingServer(async ({ body }, response) => {
    const form = Object.fromEntries(new URLSearchParams(body.toString()));
    requests.push(form);
    await (scripted.answer ?? issue)(form, response);
  });
  const scripted: ScriptedTokens = {
    tokenEndpoint: `${server.origin}/token`,
    requests,
    accessTokens: issued.access,
    refreshTokens: issued.refresh,
    isActive: (token) => performance.now() < (until.get(token) ?? 0),
    endAll: () => until.clear(),
    answer: null,
    issue,
    stop: server.stop,
  };
  return scripted;
}
