import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const RULE = 'must be a length of time such as 500ms, 90s, 5m or 1h30m';

/**
 * Milliseconds of a length of time written as Temporal's own tools do: `90s`, `5m`, `1h30m`.
 *
 * @throws InvalidArgumentError when it is not one
 */
export function parseDuration(text: string): number {
  if (!WHOLE.test(text)) throw new InvalidArgumentError(`It ${RULE}.`);
  let total = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(PART)) {
    total += Number(amount) * (UNITS[unit] ?? Number.NaN);
  }
  return Math.round(total);
}

const MAX_TIMEOUT_MS = 86_400_000;

/**
 * A `--timeout`: from 1 ms to 24 h.
 *
 * @throws InvalidArgumentError
 */
export function parseTimeout(text: string): number {
  const timeoutMs = parseDuration(text);
  if (timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS) {
    throw new InvalidArgumentError('It must be from 1ms to 24h.');
  }
  return timeoutMs;
}

/** A length of time for people: `90s`, `1m 30s` would be two words too many. */
export function durationText(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
