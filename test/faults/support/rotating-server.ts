/**
 * The authorization server of the fault scenarios: the scripted one of `src/testing`, with refresh
 * tokens that rotate by a profile, a ledger that knows which of them are live, and misbehaviours on
 * command. It is the truth that the checker (checker.ts) holds everything against.
 */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import {
  startScriptedAuthorizationServer,
  type ReceivedTokenRequest,
  type ScriptedAuthorizationServer,
  type TokenReply,
} from '../../../src/testing/index.js';
import { SENDER_HEADER, type Exchange } from './exchanges.js';

/** How a server treats a refresh token that was used before. */
export type ServerRotation = 'none' | 'strict' | { graceMs: number };

/** What goes wrong with one request. */
export interface Misbehaviour {
  /** Waits before anything is done. */
  holds?: Promise<unknown>;
  /** Does nothing, and closes the connection. */
  drops?: boolean;
  /** Waits between having done it and answering. */
  answersAfter?: Promise<unknown>;
  /** Answers with this; what was done stays done. `lose`: a reset in place of the answer. */
  answers?: 'lose' | ((processed: TokenReply) => TokenReply);
  /** Whoever asked can read that answer all the same. */
  arrives?: boolean;
  /** Says this and issues nothing. */
  refuses?: TokenReply;
}

interface Grant {
  rotation: ServerRotation;
  lifetimeS: number;
  /** The one it began with. */
  imported: string;
  /** The refresh token that is live. */
  current: string;
  /** Used ones, and when they were first used. */
  used: Map<string, number>;
  revoked: boolean;
}

interface IssuedAccessToken {
  connectionId: string;
  expiresAt: number;
  revoked: boolean;
}

/** Makes a secret that a search can find. */
export const canary = (what: string): string => `canary-${what}-${randomBytes(12).toString('hex')}`;

/** Starts the server. */
export async function startRotatingServer(): Promise<RotatingServer> {
  const scripted = await startScriptedAuthorizationServer();
  return new RotatingServer(scripted);
}

/** See the head of this file. A connection is known by its client id, which is its own id here. */
export class RotatingServer {
  /** Every token request, in order. */
  readonly exchanges: Exchange[] = [];
  readonly #scripted: ScriptedAuthorizationServer;
  readonly #grants = new Map<string, Grant>();
  readonly #accessTokens = new Map<string, IssuedAccessToken>();
  readonly #lifetimes = new Map<string, number>();
  readonly #misbehaviours = new Map<string, Misbehaviour[]>();
  readonly #secrets: string[] = [];

  constructor(scripted: ScriptedAuthorizationServer) {
    this.#scripted = scripted;
    scripted.otherwise = (request, response) => this.#answer(request, response);
  }

  get tokenEndpoint(): string {
    return this.#scripted.tokenEndpoint;
  }

  /** Starts a grant: its refresh token is to be imported. A grant of before is revoked. */
  mint(connectionId: string, rotation: ServerRotation, lifetimeS = 600): string {
    const before = this.#grants.get(connectionId);
    if (before !== undefined) this.#revoke(connectionId, before);
    const current = this.#secret('imported-refresh');
    this.#grants.set(connectionId, {
      ...{ rotation, lifetimeS, imported: current, current, used: new Map(), revoked: false },
    });
    return current;
  }

  /** What became of whoever made the last request of a connection: only a scenario knows. */
  markLastAsker(connectionId: string, asker: Exchange['asker']): void {
    const last = this.exchangesOf(connectionId).at(-1);
    if (last === undefined) throw new Error(`No token request of ${connectionId} was made.`);
    last.asker = asker;
  }

  /** How long access tokens of a client-credentials connection live, in seconds. */
  setLifetime(connectionId: string, lifetimeS: number): void {
    this.#lifetimes.set(connectionId, lifetimeS);
  }

  /** What goes wrong with the next requests of a connection, in order. */
  misbehave(connectionId: string, ...next: Misbehaviour[]): void {
    this.#misbehaviours.set(connectionId, [
      ...(this.#misbehaviours.get(connectionId) ?? []),
      ...next,
    ]);
  }

  exchangesOf(connectionId: string): Exchange[] {
    return this.exchanges.filter((exchange) => exchange.connectionId === connectionId);
  }

  /** The refresh token that the server takes; null: there is none. */
  liveRefreshToken(connectionId: string): string | null {
    const grant = this.#grants.get(connectionId);
    return grant === undefined || grant.revoked ? null : grant.current;
  }

  /** The newest refresh token, revoked or not; null: there is no grant. */
  newestRefreshToken(connectionId: string): string | null {
    return this.#grants.get(connectionId)?.current ?? null;
  }

  /** The one that a grant began with; null: there is no grant. */
  importedRefreshToken(connectionId: string): string | null {
    return this.#grants.get(connectionId)?.imported ?? null;
  }

  rotationOf(connectionId: string): ServerRotation | null {
    return this.#grants.get(connectionId)?.rotation ?? null;
  }

  /** What an API thinks of an access token. */
  judge(accessToken: string): 'live' | 'expired' | 'revoked' | 'unknown' {
    const issued = this.#accessTokens.get(accessToken);
    if (issued === undefined) return 'unknown';
    if (performance.now() > issued.expiresAt) return 'expired';
    return issued.revoked ? 'revoked' : 'live';
  }

  /** How long ago an access token expired, in milliseconds. */
  expiredForMs(accessToken: string): number {
    const expiresAt = this.#accessTokens.get(accessToken)?.expiresAt ?? Infinity;
    return Math.round(performance.now() - expiresAt);
  }

  /** Ends every access token of a connection, behind everybody's back. */
  revokeAccessTokens(connectionId: string): void {
    for (const issued of this.#accessTokens.values()) {
      if (issued.connectionId === connectionId) issued.revoked = true;
    }
  }

  /** Every secret there was. */
  secrets(): string[] {
    return [...this.#secrets];
  }

  stop(): Promise<void> {
    return this.#scripted.stop();
  }

  async #answer(
    { parameters, grantType = '' }: ReceivedTokenRequest,
    response: ServerResponse,
  ): Promise<TokenReply> {
    const connectionId = parameters['client_id'] ?? '';
    const exchange: Exchange = {
      ...{ connectionId, grantType, presented: parameters['refresh_token'] ?? null },
      ...{ arrivedAt: performance.now(), endedAt: null, did: 'pending' },
      ...{ accessToken: null, refreshToken: null, delivered: false, asker: 'alive' },
    };
    const sender = response.req.headers[SENDER_HEADER];
    if (typeof sender === 'string') exchange.sender = sender;
    this.exchanges.push(exchange);
    const { holds, drops, answersAfter, answers, arrives, refuses } =
      this.#misbehaviours.get(connectionId)?.shift() ?? {};
    await holds;
    if (drops === true) {
      exchange.did = 'dropped';
      exchange.endedAt = performance.now();
      return 'reset';
    }
    const processed = refuses ?? this.#process(exchange);
    if (refuses !== undefined) exchange.did = 'refused';
    response.once('finish', () => {
      exchange.delivered = arrives ?? answers === undefined;
      exchange.endedAt = performance.now();
    });
    response.once('close', () => (exchange.endedAt ??= performance.now()));
    await answersAfter;
    if (answers === undefined) return processed;
    return answers === 'lose' ? 'reset' : answers(processed);
  }

  #process(exchange: Exchange): TokenReply {
    const { connectionId, grantType, presented } = exchange;
    const grant = this.#grants.get(connectionId);
    if (grantType === 'client_credentials') {
      return this.#issue(exchange, this.#lifetimes.get(connectionId) ?? 600, null);
    }
    if (
      grant === undefined ||
      presented === null ||
      !this.#accepts(connectionId, grant, presented)
    ) {
      exchange.did = 'refused';
      return json(400, { error: 'invalid_grant' });
    }
    if (grant.rotation !== 'none') {
      if (!grant.used.has(presented)) grant.used.set(presented, performance.now());
      grant.current = this.#secret('refresh');
    }
    return this.#issue(exchange, grant.lifetimeS, grant.current);
  }

  /** A used one within its grace is taken; otherwise it ends the grant (RFC 9700 §4.14.2). */
  #accepts(connectionId: string, grant: Grant, presented: string): boolean {
    const { rotation, current, used, revoked } = grant;
    if (revoked) return false;
    if (presented === current) return true;
    const usedAt = used.get(presented);
    if (usedAt === undefined) return false;
    if (typeof rotation === 'object' && performance.now() < usedAt + rotation.graceMs) return true;
    this.#revoke(connectionId, grant);
    return false;
  }

  #revoke(connectionId: string, grant: Grant): void {
    grant.revoked = true;
    this.revokeAccessTokens(connectionId);
  }

  #issue(exchange: Exchange, lifetimeS: number, refreshToken: string | null): TokenReply {
    const { connectionId } = exchange;
    const accessToken = this.#secret('access');
    const expiresAt = performance.now() + lifetimeS * 1_000;
    this.#accessTokens.set(accessToken, { connectionId, expiresAt, revoked: false });
    Object.assign(exchange, { did: 'issued', accessToken, refreshToken });
    return json(200, {
      ...{ access_token: accessToken, token_type: 'Bearer', expires_in: lifetimeS },
      ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
    });
  }

  #secret(what: string): string {
    const secret = canary(what);
    this.#secrets.push(secret);
    return secret;
  }
}

/** As text, so that the ledger here is the only one that counts. */
function json(status: number, body: unknown): TokenReply {
  const headers = { 'content-type': 'application/json' };
  return { status, headers, body: JSON.stringify(body) };
}

/** An answer with other headers. */
export function withHeaders(reply: TokenReply, headers: Record<string, string>): TokenReply {
  return typeof reply === 'string'
    ? reply
    : { ...reply, headers: { ...reply.headers, ...headers } };
}
