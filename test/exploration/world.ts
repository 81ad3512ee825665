/**
 * A small world for the real rotation machine: three workers, one record, one authorization server.
 * Everything that happens is one transition; the explorer tries every order of them.
 */
import type { RotationEffect, RotationState } from '../../src/contract/rotation-steps.js';
import { NO_EVIDENCE, type RotationProfile } from '../../src/contract/rotation-profile.js';
import type { TokenRecord } from '../../src/contract/token-record.js';

/** One tick of the world's clock, in milliseconds. */
export const TICK_MS = 5_000;
/** How long nobody else may send: the budget of contract/budgets.ts, whole ticks. */
export const BUDGET_TICKS = 4;
/** A worker's own limit for one request. */
export const REQUEST_TICKS = 2;
/** How long a server works on at a request nobody waits for: less than the rules let it settle. */
export const SLOW_TICKS = 5;

/** `refusing`: an old refresh token is refused, and nothing happens to the grant. */
export type ServerPolicy = 'none' | 'grace' | 'strict' | 'refusing';

/** A variant of the rules, to show that the exploration can fail. */
export type Variant =
  | 'real'
  | 'lease_fenced_commit'
  | 'first_writer_wins'
  | 'loser_marks_dead'
  /** A request that may still run is treated as one that is over. */
  | 'no_settling';

export interface ExplorationSettings {
  policy: ServerPolicy;
  /** Whether the connection declares it. */
  declared: boolean;
  variant: Variant;
  workers: number;
  /** How many workers may crash, answers get lost, workers stand still. */
  crashes: number;
  losses: number;
  /** How many requests outlive their worker's own limit. */
  slows: number;
  /** Workers may stand still for ever between an answer and its commit. */
  stalls: boolean;
  maxTicks: number;
  /** Enough to show that something is wrong. */
  stopAtFirstBad: boolean;
  /** Ticks an authorization server with grace takes the old refresh token. */
  graceTicks: number;
  /** Ticks the first access token still serves; 0: it has expired. */
  servesTicks: number;
}

/** What the connection says about the server. */
export function rotationOf({ policy, declared, graceTicks }: ExplorationSettings): RotationProfile {
  if (!declared) return null;
  if (policy === 'grace') return { graceMs: graceTicks * TICK_MS };
  return policy === 'none' ? 'none' : 'strict';
}

/** A token response or a refusal on its way. */
export type Answer = { refreshToken: number } | { refused: true };

export interface WorkerState {
  /** The machine, and the effect it waits for. */
  machine: RotationState;
  effect: RotationEffect;
  /** Temporal's attempt number. */
  attempt: number;
  /** Own intent: when it was written (tick). */
  sentAt: number;
  /** Names own intents: worker and number. */
  intents: number;
  /** The refresh tokens it read: the record's, then its candidates'. */
  holds: number[];
  /** The one it sends. */
  presents: number;
  phase: 'acting' | 'in_flight' | 'answered' | 'received' | 'done' | 'dead' | 'gone';
  answer: Answer | null;
  /** May not act before this tick. */
  wakesAt: number;
}

/** The authorization server's truth. */
export interface ServerState {
  current: number;
  revoked: boolean;
  /** When a refresh token was first used, by refresh token; -1: not yet. */
  usedAt: number[];
}

export interface Ghost {
  presents: number;
  /** Afterwards (tick) the server has given it up. */
  until: number;
}

export interface World {
  tick: number;
  server: ServerState;
  record: TokenRecord;
  /** The refresh token that lies in the record. */
  stored: number;
  /** Siblings' refresh tokens that lie in it, in the order of its `candidates`. */
  kept: number[];
  workers: WorkerState[];
  /** Requests nobody waits for that the server may still act on. */
  ghosts: Ghost[];
  crashes: number;
  losses: number;
  slows: number;
  /** A rotated answer never reached a worker that lived on: no client can keep that grant. */
  lost: boolean;
  /** A refresh token was presented again without the record saying why. */
  blindly: boolean;
}

/** A record with one token that is due, whose refresh token is number 0. */
export function dueRecord({ servesTicks }: ExplorationSettings): TokenRecord {
  return {
    connectionId: 'explored',
    incarnation: 'aaaaaaaa',
    epoch: 1,
    generation: 1,
    state: 'active',
    hasAccessToken: true,
    hasRefreshToken: true,
    tokenType: 'Bearer',
    scope: null,
    issuedAt: -100 * TICK_MS,
    expiresAt: servesTicks === 0 ? -TICK_MS : servesTicks * TICK_MS + 1,
    refreshAfter: -2 * TICK_MS,
    lifetimeMs: 10_000,
    refreshTokenExpiresAt: null,
    keepAliveAt: null,
    invalid: null,
    attempt: null,
    unknown: [],
    candidates: [],
    rotationEvidence: NO_EVIDENCE,
    failures: 0,
    retryAt: null,
    supersededAt: null,
    lastOutcome: null,
    rejections: null,
    revocation: null,
    now: 0,
  };
}

/** The authorization server acts on a refresh token. */
export function serve(
  server: ServerState,
  presented: number,
  tick: number,
  settings: ExplorationSettings,
): { server: ServerState; answer: Answer } {
  if (server.revoked) return { server, answer: { refused: true } };
  if (settings.policy === 'none') return { server, answer: { refreshToken: presented } };
  const usedAt = server.usedAt[presented] ?? -1;
  const isCurrent = presented === server.current;
  const inGrace =
    settings.policy === 'grace' && usedAt >= 0 && tick - usedAt <= settings.graceTicks;
  if (!isCurrent && !inGrace) {
    const revoked = settings.policy !== 'refusing';
    return { server: { ...server, revoked }, answer: { refused: true } };
  }
  const current = server.current + 1;
  const used = [...server.usedAt];
  if (usedAt < 0) used[presented] = tick;
  return {
    server: { ...server, current, usedAt: used },
    answer: { refreshToken: current },
  };
}

/** Whether a refresh token would be accepted. */
export function isLive(server: ServerState, refreshToken: number, policy: ServerPolicy): boolean {
  return policy === 'none' || (!server.revoked && refreshToken === server.current);
}
