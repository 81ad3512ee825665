import { describe, expect, it } from 'vitest';
import {
  keyOf,
  receivedCode,
  successors,
  type RedemptionSettings,
  type RedemptionWorld,
} from './redemption-world.js';

const BASE: RedemptionSettings = {
  ...{ workers: 2, crashes: 0, losses: 0, stalls: false, reuse: 'revokes', maxTicks: 8 },
};

/** Every end of every order of everything. */
function endsOf(settings: RedemptionSettings): RedemptionWorld[] {
  const first = receivedCode(settings);
  const seen = new Set([keyOf(first)]);
  const open = [first];
  const ends: RedemptionWorld[] = [];
  for (let world = open.pop(); world !== undefined; world = open.pop()) {
    const next = successors(world, settings);
    if (next.length === 0) ends.push(world);
    for (const candidate of next) {
      const key = keyOf(candidate);
      if (seen.has(key)) continue;
      seen.add(key);
      open.push(candidate);
    }
  }
  expect(ends.length).toBeGreaterThan(0);
  return ends;
}

const CASES: Partial<RedemptionSettings>[] = [
  {},
  { crashes: 1 },
  { losses: 1 },
  { crashes: 1, losses: 1 },
  { crashes: 1, reuse: 'refuses' },
  { crashes: 1, losses: 1, reuse: 'takes' },
  { workers: 1, crashes: 2, losses: 1 },
  { workers: 1, crashes: 1, losses: 2, reuse: 'takes' },
  { stalls: true, maxTicks: 4 },
  { stalls: true, reuse: 'takes', maxTicks: 4 },
];

const nameOf = (changes: Partial<RedemptionSettings>): string => {
  const { workers, crashes, losses, stalls, reuse } = { ...BASE, ...changes };
  return [
    `${workers} workers, ${crashes} crashes, ${losses} lost`,
    `${stalls ? 'stalls, ' : ''}the server ${reuse} a code that comes back`,
  ].join(', ');
};

describe('the redemption of a code, in every order of everything', () => {
  it.each(CASES.map((changes) => [nameOf(changes), changes] as const))('%s', (_, changes) => {
    const settings = { ...BASE, ...changes };
    for (const world of endsOf(settings)) {
      const broken = brokenRules(world, settings);
      if (broken.length > 0) expect.fail(`${broken.join('; ')}: ${JSON.stringify(world)}`);
    }
  });
});

/** What is wrong with a world in which nothing more happens. */
function brokenRules(world: RedemptionWorld, settings: RedemptionSettings): string[] {
  const { record, sends, exchanges, commits, epoch, revoked } = world;
  const { stalls, reuse } = settings;
  const used = settings.crashes - world.crashes + settings.losses - world.losses;
  const disturbed = used > 0 || stalls;
  const done = record.phase === 'done';
  const rules: [string, boolean][] = [
    ['it ends', done || record.phase === 'failed'],
    ['a code is sent once', disturbed || sends === 1],
    ['a code is sent once more at most', sends <= 2],
    ['an epoch starts with its authorization done, or neither', commits === Number(done)],
    ['no epoch starts twice', epoch === commits],
    ['a person is asked again only after a disturbance', done || disturbed],
    ['which the failure says', done || record.outcome?.type === 'Authorization.lost'],
    [
      'one crash or loss costs the consent only after the server has spent the code',
      done || stalls || used > 1 || exchanges > 0,
    ],
    ['and never where the server takes it again', done || stalls || used > 1 || reuse !== 'takes'],
    ['a revoked grant is not taken for a good one', !done || !revoked || stalls],
  ];
  return rules.filter(([, holds]) => !holds).map(([rule]) => rule);
}
