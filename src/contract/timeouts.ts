const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000;

/** What a `timeoutMs` has to be, for messages: what is longer, no timer and no date can hold. */
export const TIMEOUT_RULE = 'a number of milliseconds above 0, at most ten years';

/** Whether a value may be a `timeoutMs`, in milliseconds. */
export function isTimeoutMs(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= TEN_YEARS_MS;
}
