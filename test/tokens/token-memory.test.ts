import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decideForCaller } from '../../src/contract/decide-caller.js';
import type { TokenRecord } from '../../src/contract/token-record.js';
import { StoredAccessToken } from '../../src/tokens/access-token.js';
import { quietUntil, recordNow, TokenMemory } from '../../src/tokens/token-memory.js';
import { NOW, record } from '../contract/records.js';

const MAX_AGE_MS = 5_000;

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

function memoryWith(...records: TokenRecord[]): TokenMemory {
  const memory = new TokenMemory(3, MAX_AGE_MS);
  for (const read of records) keep(memory, read);
  return memory;
}

function keep(memory: TokenMemory, read: TokenRecord): void {
  memory.keep(read, new StoredAccessToken(read, `token ${read.generation}`), performance.now());
}

const generationIn = (memory: TokenMemory, id = 'superservice') =>
  memory.get(id)?.record.generation;

describe('a kept token', () => {
  it("has its times on this process's monotonic clock", () => {
    const entry = memoryWith(record()).get('superservice');
    const at = performance.now();
    expect(entry).toMatchObject({
      readAt: at,
      freshUntil: at + 54 * 60_000,
      usableUntil: at + 59 * 60_000 - 30_000,
      expiresAt: at + 59 * 60_000,
      recheckAt: at + MAX_AGE_MS,
    });
  });

  it('without a known lifetime is fresh and usable without end', () => {
    const entry = memoryWith(record({ expiresAt: null, refreshAfter: null, lifetimeMs: null })).get(
      'superservice',
    );
    expect(entry).toMatchObject({ freshUntil: Infinity, usableUntil: Infinity });
  });

  it('is usable exactly as long as its record says, however the wall clock is set', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7_200_000 }),
        fc.nat(7_200_000),
        (lifetimeMs, later) => {
          const expiresAt = NOW + lifetimeMs;
          const read = record({ lifetimeMs, expiresAt, refreshAfter: expiresAt });
          const entry = memoryWith(read).get('superservice');
          if (entry === undefined) throw new Error('not kept');
          const now = performance.now() + later;
          const decision = decideForCaller(recordNow(entry, now), 0);
          expect(now < entry.usableUntil).toBe(decision.action === 'serve');
        },
      ),
    );
  });

  it('is judged by the clock of its record, moved on', () => {
    const entry = memoryWith(record()).get('superservice');
    if (entry === undefined) throw new Error('not kept');
    expect(recordNow(entry, entry.readAt + 1_234).now).toBe(NOW + 1_234);
  });
});

describe('the memory', () => {
  it('replaces a token by the next generation, and by the next epoch', () => {
    const memory = memoryWith(record(), record({ generation: 4 }));
    expect(generationIn(memory)).toBe(4);
    keep(memory, record({ epoch: 2, generation: 4 }));
    expect(memory.get('superservice')?.record.epoch).toBe(2);
  });

  it.each([
    ['generation', record({ generation: 2 })],
    ['epoch', record({ epoch: 0, generation: 9 })],
  ])('never replaces a usable token by one of a lower %s (a restored database)', (_what, older) => {
    const memory = memoryWith(record());
    vi.advanceTimersByTime(MAX_AGE_MS);
    keep(memory, older);
    expect(generationIn(memory)).toBe(3);
    expect(memory.get('superservice')?.recheckAt).toBe(performance.now() + MAX_AGE_MS);
  });

  it('takes the older one once the newer is not usable any more', () => {
    const memory = memoryWith(record());
    vi.advanceTimersByTime(3_600_000);
    keep(memory, record({ generation: 2 }));
    expect(generationIn(memory)).toBe(2);
  });

  it('takes whatever a connection that was made anew brings', () => {
    const memory = memoryWith(record());
    keep(memory, record({ incarnation: 'zZ9yY8xX', generation: 1 }));
    expect(generationIn(memory)).toBe(1);
  });

  it('keeps nothing up to a refused generation', () => {
    const memory = memoryWith(record());
    memory.dropUpTo('superservice', 2);
    expect(generationIn(memory)).toBe(3);
    memory.dropUpTo('superservice', 3);
    expect(generationIn(memory)).toBeUndefined();
    memory.dropUpTo('superservice', 3);
  });

  it('is bounded: the token that was used longest ago goes first', () => {
    const connections = ['a', 'b', 'c'].map((connectionId) => record({ connectionId }));
    const memory = memoryWith(...connections);
    memory.get('a');
    keep(memory, record({ connectionId: 'd' }));
    expect(['a', 'b', 'c', 'd'].map((id) => generationIn(memory, id))).toEqual([
      3,
      undefined,
      3,
      3,
    ]);
  });

  it('forgets one, and all', () => {
    const memory = memoryWith(record(), record({ connectionId: 'other' }));
    memory.drop('other');
    expect(generationIn(memory, 'other')).toBeUndefined();
    memory.clear();
    expect(generationIn(memory)).toBeUndefined();
  });
});

describe('the time until which a token is handed out as it is', () => {
  const entryOf = (read: TokenRecord) => {
    const entry = memoryWith(read).get('superservice');
    if (entry === undefined) throw new Error('not kept');
    return entry;
  };

  it('ends with the next look-up', () => {
    const entry = entryOf(record());
    expect(entry.quietUntil).toBe(entry.recheckAt);
  });

  it('ends when the token becomes stale', () => {
    const entry = { ...entryOf(record()), recheckAt: Infinity };
    expect(quietUntil(entry, entry.freshUntil - 1)).toBe(entry.freshUntil);
  });

  it('of a stale token goes on for a second, so that callers do not ask with each call', () => {
    const entry = { ...entryOf(record()), recheckAt: Infinity };
    expect(quietUntil(entry, entry.freshUntil)).toBe(entry.nudgeAt);
    expect(quietUntil(entry, entry.nudgeAt)).toBe(entry.nudgeAt + 1_000);
  });

  it('never goes beyond the usable time', () => {
    fc.assert(
      fc.property(fc.nat(4_000_000), (later) => {
        const entry = entryOf(record());
        const until = quietUntil(entry, performance.now() + later);
        expect(until).toBeLessThanOrEqual(Math.min(entry.usableUntil, entry.recheckAt));
      }),
    );
  });
});
