import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { failure } from '../failures.js';
import { holdsSecret, textsOf, type ScanOptions } from '../known-secrets.js';

/** Errors of HTTP libraries drag their sockets along: what matters comes first. */
const MAX_OBJECTS = 10_000;

/** What is guarded, and what is looked for. */
export interface GuardActivitiesOptions extends ScanOptions {
  /** Results too, for a Worker without the codec. */
  results: boolean;
}

/**
 * Puts guards around activities: an error with a secret in its message, stack, details or cause is
 * replaced by `Policy.secret_leak_blocked`. The SDK logs errors as they are thrown and writes
 * message and stack to the history without any codec, so nothing after this could do it.
 *
 * The inner guard is before what other interceptors write down, the outer one after what they throw.
 */
export function guardActivities(
  others: ActivityInterceptorsFactory[],
  options: GuardActivitiesOptions,
): ActivityInterceptorsFactory[] {
  const guard = guardOf(options);
  return [guard, ...others, guard];
}

function guardOf({ results, ...scan }: GuardActivitiesOptions): ActivityInterceptorsFactory {
  return () => ({
    inbound: {
      async execute(input, next) {
        const result = await next(input).catch((error: unknown) => {
          throw isLeaking(error, scan) ? failure('Policy.secret_leak_blocked') : error;
        });
        if (results && isLeaking(result, scan)) throw failure('Policy.secret_leak_blocked');
        return result;
      },
    },
  });
}

function isLeaking(value: unknown, scan: ScanOptions): boolean {
  for (const { text } of textsOf(value, MAX_OBJECTS)) {
    if (holdsSecret(typeof text === 'string' ? Buffer.from(text) : text, scan)) return true;
  }
  return false;
}
