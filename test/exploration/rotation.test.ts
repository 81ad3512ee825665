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
  maxTicks: 9,
  graceTicks: 20,
};

describe('every interleaving', () => {
  it.each<[ServerPolicy]>([['none'], ['grace'], ['strict']])(
    'keeps the grant with a server of policy %s',
    (policy) => {
      const result = explore({ ...SETTINGS, policy });
      console.log(policy, result);
      expect(result.bad).toEqual({});
    },
  );
  it.each<[Variant]>([['lease_fenced_commit'], ['first_writer_wins'], ['loser_marks_dead']])(
    'finds what is wrong with %s',
    (variant) => {
      const result = explore({ ...SETTINGS, variant, stalls: true, policy: 'grace' });
      console.log(variant, result);
    },
  );
});
