/** A lifetime as a token endpoint told it. */
export interface ReadLifetime {
  /** Milliseconds; null: not told, or not readable. */
  readonly ms: number | null;
  readonly oddity: 'unreadable' | 'absurd' | null;
}

/** Nobody issues an access token for longer; such a number is a date or in another unit. */
const MAX_LIFETIME_SECONDS = 10 * 365 * 24 * 60 * 60;

const NOT_TOLD: ReadLifetime = { ms: null, oddity: null };

/**
 * Reads a number of seconds, as JSON number or as digits. 0 or less is 0, that is expired at once.
 * A text that merely begins with digits (`3600abc`, a date) is not a number: read as one, it would
 * be a wrong lifetime.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-5.1
 */
export function readLifetime(value: unknown): ReadLifetime {
  if (value === undefined || value === null || value === '') return NOT_TOLD;
  const seconds = secondsOf(value);
  if (seconds === undefined) return { ms: null, oddity: 'unreadable' };
  if (seconds > MAX_LIFETIME_SECONDS) return { ms: null, oddity: 'absurd' };
  return { ms: Math.max(0, Math.floor(seconds * 1000)), oddity: null };
}

function secondsOf(value: unknown): number | undefined {
  if (typeof value === 'string') {
    return /^\s*-?\d{1,20}(?:\.\d{1,20})?\s*$/.test(value) ? Number(value) : undefined;
  }
  return typeof value === 'number' && !Number.isNaN(value) ? value : undefined;
}
