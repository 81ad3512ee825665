import { describe, expect, it } from 'vitest';
import { explore } from './explore.js';
import type { ExplorationSettings, ServerPolicy, Variant } from './world.js';

const SETTINGS: ExplorationSettings = {
  policy: 'grace',
  variant: 'real',
  workers: 2,
  crashes: 1,
  losses: 1,
  stalls: false,
  maxTicks: 16,
  stopAtFirstBad: false,
  graceTicks: 20,
};

/** Variants of the rules, each with a world in which it loses a grant that the rules keep. */
const WRONG = {
  // Alone, and slower than the lease: its answer is the only copy.
  lease_fenced_commit: { workers: 1, policy: 'strict', crashes: 0, losses: 0 },
  first_writer_wins: { policy: 'grace', stopAtFirstBad: true },
  loser_marks_dead: { policy: 'strict', stopAtFirstBad: true },
} as const satisfies Partial<Record<Variant, Partial<ExplorationSettings>>>;

const LONG_MS = 120_000;

describe('every interleaving of the rotation machine', () => {
  it.each<[ServerPolicy]>([['none'], ['grace'], ['strict']])(
    'keeps the grant with a server of policy %s',
    { timeout: LONG_MS },
    (policy) => {
      const result = explore({ ...SETTINGS, policy });
      console.log(`${policy}: ${JSON.stringify(result)}`);
      expect(result.bad).toEqual({});
    },
  );
  it(
    'keeps the grant when workers stand still, with a server of policy grace',
    { timeout: LONG_MS },
    () => {
      const result = explore({ ...SETTINGS, stalls: true, crashes: 0, losses: 0 });
      console.log(`grace, stalls: ${JSON.stringify(result)}`);
      expect(result.bad).toEqual({});
    },
  );
  it('keeps the answer of a worker that is alone and slower than its lease', () => {
    const { policy, ...alone } = WRONG.lease_fenced_commit;
    const result = explore({ ...SETTINGS, ...alone, policy, stalls: true });
    expect(result.bad).toEqual({});
  });
  it.each(Object.keys(WRONG) as (keyof typeof WRONG)[])(
    'finds what is wrong with %s',
    { timeout: LONG_MS },
    (variant) => {
      const result = explore({ ...SETTINGS, ...WRONG[variant], variant, stalls: true });
      console.log(`${variant}: ${JSON.stringify(result)}`);
      expect(result.bad).not.toEqual({});
    },
  );
});
