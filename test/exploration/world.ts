/**
 * A small world for the real rotation machine: three workers, one record, one authorization server.
 * Everything that happens is one transition; the explorer tries every order of them.
 */
import type { RotationEffect, RotationState } from '../../src/contract/rotation.js';
import type { TokenRecord } from '../../src/contract/token-record.js';

/** One tick of the world's clock, in milliseconds. */
export const TICK_MS = 5_000;
/** How long nobody else may send: the budget of contract/budgets.ts, whole ticks. */
export const BUDGET_TICKS = 4;
/** A worker's own limit for one request. */
export const REQUEST_TICKS = 2;

export type ServerPolicy = 'none' | 'grace' | 'strict';

/** A variant of the rules, to show that the exploration can fail. */
export type Variant = 'real' | 'lease_fenced_commit' | 'first_writer_wins' | 'loser_marks_dead';

export interface ExplorationSettings {
  policy: ServerPolicy;
  variant: Variant;
  workers: number;
  /** How many workers may crash, answers get lost, workers stand still. */
  crashes: number;
  losses: number;
  /** Workers may stand still for ever between an answer and its commit. */
  stalls: boolean;
  maxTicks: number;
  /** Enough to show that something is wrong. */
  stopAtFirstBad: boolean;
  /** Ticks an authorization server with grace takes the old refresh token. */
  graceTicks: number;
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
  /** The refresh token it sends. */
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

export interface World {
  tick: number;
  server: ServerState;
  record: TokenRecord;
  /** The refresh token that lies in the record. */
  stored: number;
  workers: WorkerState[];
  crashes: number;
  losses: number;
  /** A rotated answer never reached a worker that lived on: no client can keep that grant. */
  lost: boolean;
  /** A refresh token was presented again without the record saying why. */
  blindly: boolean;
}

/** A record with one expired token, whose refresh token is number 0. */
export function expiredRecord(): TokenRecord {
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
    expiresAt: -TICK_MS,
    refreshAfter: -2 * TICK_MS,
    lifetimeMs: 60_000,
    invalid: null,
    attempt: null,
    unknown: [],
    failures: 0,
    retryAt: null,
    lastOutcome: null,
    rejections: null,
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
    return { server: { ...server, revoked: true }, answer: { refused: true } };
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
