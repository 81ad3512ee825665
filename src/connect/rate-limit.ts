import { LRUCache } from 'lru-cache';

/** How much of something is allowed: so many at once, and one more each so often. */
export interface Rate {
  burst: number;
  everyMs: number;
}

/** Takes one; how long to wait otherwise, in milliseconds (0: it was taken). */
export type RateLimit = (key: string) => number;

interface Bucket {
  left: number;
  at: number;
}

const MAX_KEYS = 10_000;

/**
 * A token bucket for each key, in bounded memory: of this process alone, because what it protects is
 * this process and the authorization servers behind it.
 *
 * @param now - a monotonic clock, in milliseconds
 */
export function createRateLimit(
  { burst, everyMs }: Rate,
  now: () => number = () => performance.now(),
): RateLimit {
  const buckets = new LRUCache<string, Bucket>({ max: MAX_KEYS });
  return (key) => {
    const at = now();
    const known = buckets.get(key) ?? { left: burst, at };
    const left = Math.min(burst, known.left + (at - known.at) / everyMs);
    const taken = left >= 1;
    buckets.set(key, { left: taken ? left - 1 : left, at });
    return taken ? 0 : Math.ceil((1 - left) * everyMs);
  };
}
