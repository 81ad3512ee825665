import type { TokenRecord } from './token-record.js';

const FIRST_LOOK_MS = 5_000;
const LONGEST_LOOK_MS = 5 * 60_000;
const SPREAD_SHARE = 0.1;
/** A record that moved on while its caller was registered is read again this soon. */
const MOVED_MS = 250;

/**
 * When an activity that waits for a person looks again: 5 s doubling to 5 min, and up to 10 % more so
 * that those who wait for one person do not come in the same instant. A wake-up is not lost by it: it
 * only makes the wait shorter.
 *
 * @param attempt - 1 for the first
 * @param random - from 0 to 1
 */
export function parkedDelayMs(attempt: number, random: number): number {
  const grown = Math.min(FIRST_LOOK_MS * 2 ** Math.min(attempt - 1, 16), LONGEST_LOOK_MS);
  return Math.ceil(grown * (1 + SPREAD_SHARE * random));
}

/**
 * When an activity that has just been registered for the wake-up looks again. A consent that came
 * between its first look and its registration woke everybody but this one: it goes on at once.
 *
 * @param record - as it was read after the registration; null: the connection is gone
 */
export function nextLookMs(record: TokenRecord | null, attempt: number, random: number): number {
  const waits = record !== null && !isAuthorized(record);
  return waits ? parkedDelayMs(attempt, random) : Math.min(MOVED_MS * attempt, FIRST_LOOK_MS);
}

/** Whether a record holds what a person's consent brings: a grant, or a token, that was not lost. */
export function isAuthorized(
  record: Pick<TokenRecord, 'state' | 'hasRefreshToken' | 'hasAccessToken' | 'invalid'>,
): boolean {
  if (record.state !== 'active' && record.state !== 'at_risk') return false;
  return record.hasRefreshToken || (record.hasAccessToken && record.invalid === null);
}

/**
 * Whether the consent that somebody waits for is there.
 *
 * @param afterEpoch - only a later one will do; null: any
 */
export function hasConsent(record: TokenRecord, afterEpoch: number | null): boolean {
  return isAuthorized(record) && (afterEpoch === null || record.epoch > afterEpoch);
}
