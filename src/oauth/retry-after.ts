import { parseHttpDate } from './http-date.js';

/** No server is waited for longer than this, whatever it asks for. */
export const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

/** The headers that say when to come again, and this process's clock. */
export interface RetryAfterInput {
  readonly retryAfter: string | undefined;
  /** The answer's `Date` header: the server's own clock, which its `Retry-After` date goes by. */
  readonly date: string | undefined;
  /** Local time in Unix milliseconds, for a server that sends no `Date`. */
  readonly nowMs: number;
}

/**
 * Reads `Retry-After` in both forms, seconds and date, as milliseconds from now: 0 to 24 hours; null:
 * there is none, or it cannot be read.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.3
 */
export function parseRetryAfter(input: RetryAfterInput): number | null {
  const text = input.retryAfter?.trim();
  if (text === undefined || text === '') return null;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : msUntil(text, input);
  return ms === null ? null : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

function msUntil(text: string, { date, nowMs }: RetryAfterInput): number | null {
  const now = (date === undefined ? null : parseHttpDate(date, nowMs)) ?? nowMs;
  const at = parseHttpDate(text, now);
  return at === null ? null : at - now;
}
