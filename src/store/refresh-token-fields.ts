import type { Document } from 'mongodb';
import { SAME_END_MS } from '../contract/events.js';
import type { TokenSet } from './token-commit.js';

type SinceSent = (ms: number | null) => Document | null;

/** The clocks of the refresh token of a token set; one that stays says its end once. */
export function refreshTokenFields(
  { grant, rotated, refreshTokenLifetimeMs, keepAliveMs }: TokenSet,
  sinceSent: SinceSent,
): Document {
  const stays = refreshTokenLifetimeMs === null && rotated === 'same_token';
  const lifetimeMs = refreshTokenLifetimeMs === 'never' ? null : refreshTokenLifetimeMs;
  return {
    refreshTokenExpiresAt: stays ? '$refreshTokenExpiresAt' : sinceSent(lifetimeMs),
    refreshTokenLifetimeMs: stays
      ? '$refreshTokenLifetimeMs'
      : wholeLifetime(lifetimeMs, sinceSent),
    refreshTokenUsedAt: grant === null ? null : sinceSent(0),
    keepAliveAt: grant === null ? null : sinceSent(keepAliveMs),
  };
}

/**
 * How long the refresh token lives in all. Of an end that stays where it was servers tell less and less
 * time: what was told first is the whole of it.
 */
function wholeLifetime(lifetimeMs: number | null, sinceSent: SinceSent): Document | null {
  if (lifetimeMs === null) return null;
  const before = { $ifNull: ['$refreshTokenExpiresAt', new Date(0)] };
  const renewed = { $gt: [{ $subtract: [sinceSent(lifetimeMs), before] }, SAME_END_MS] };
  return { $cond: [renewed, lifetimeMs, { $max: ['$refreshTokenLifetimeMs', lifetimeMs] }] };
}
