import { describe, expect, it } from 'vitest';
import { explore, type Exploration } from './explore.js';
import { BASE, CASES, WRONG, nameOf } from './cases.js';

const LONG_MS = 120_000;

function explored(name: string, changes: (typeof CASES)[number]): Exploration {
  const result = explore({ ...BASE, ...changes });
  console.log(`${name}: ${JSON.stringify(result)}`);
  expect(result.states).toBeGreaterThan(1_000);
  expect(result.ends).toBeGreaterThan(0);
  return result;
}

describe('every interleaving of the rotation machine', () => {
  it.each(CASES.map((settings) => [nameOf(settings), settings] as const))(
    'drops no refresh token, declares none dead and presents none blindly: %s',
    { timeout: LONG_MS },
    (name, settings) => {
      const { bad, unavoidable } = explored(name, settings);
      expect(bad).toEqual({});
      const { policy, slows } = { ...BASE, ...settings };
      // A lost answer costs a grant only where the old refresh token is not taken again; and a server
      // with a grace that answers the first request after the second one holds a third for current.
      if (policy === 'none' || (policy === 'grace' && slows === 0)) expect(unavoidable).toEqual({});
    },
  );

  it.each(WRONG.map((settings) => [settings.variant, settings] as const))(
    'finds what is wrong with %s',
    { timeout: LONG_MS },
    (variant, settings) => {
      const result = explore({ ...BASE, ...settings });
      console.log(`${variant}: ${JSON.stringify(result)}`);
      expect(result.bad).not.toEqual({});
      // The rules themselves pass where the variant fails.
      const rules = { variant: 'real', stopAtFirstBad: false } as const;
      expect(explore({ ...BASE, ...settings, ...rules }).bad).toEqual({});
    },
  );
});
