import { InvalidArgumentError, Option } from 'commander';
import { CONNECTION_ID_RULE, isConnectionId } from '../contract/names.js';
import { durationText, parseTimeout } from './durations.js';

/**
 * A connection id on the command line.
 *
 * @throws InvalidArgumentError
 */
export function parseConnectionId(text: string): string {
  if (!isConnectionId(text)) throw new InvalidArgumentError(`It must be ${CONNECTION_ID_RULE}.`);
  return text;
}

/** A parser of whole numbers between two bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

const TIMEOUT_MS = 60_000;

/** The `--timeout` of a verb that waits. */
export function timeoutOption(summary: string, timeoutMs: number = TIMEOUT_MS): Option {
  return new Option('--timeout <time>', summary)
    .argParser(parseTimeout)
    .default(timeoutMs, durationText(timeoutMs));
}
