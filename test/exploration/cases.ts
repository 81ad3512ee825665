import type { ExplorationSettings, Variant } from './world.js';

/** Two workers, one of which may crash, and one answer that may get lost. */
export const BASE: ExplorationSettings = {
  policy: 'grace',
  declared: true,
  variant: 'real',
  workers: 2,
  crashes: 1,
  losses: 1,
  slows: 0,
  stalls: false,
  maxTicks: 14,
  stopAtFirstBad: false,
  graceTicks: 20,
  servesTicks: 0,
};

type Case = Partial<ExplorationSettings>;

const POLICIES = ['none', 'grace', 'strict'] as const;
const PROFILES = POLICIES.flatMap((policy) =>
  [true, false].map((declared): Case => ({ policy, declared })),
);
const CRASH: Case = { losses: 0 };
const LOSS: Case = { crashes: 0 };
const STALL: Case = { crashes: 0, losses: 0, stalls: true };

/** What every run of the tests explores. */
export const CASES: Case[] = [
  ...PROFILES,
  ...POLICIES.flatMap((policy) => [
    { policy, workers: 3, ...CRASH },
    { policy, workers: 3, ...LOSS, maxTicks: 9 },
  ]),
  // Against a strict server nothing is clean once somebody stands still for ever.
  { policy: 'none', workers: 3, ...STALL, maxTicks: 11 },
  { policy: 'grace', workers: 3, ...STALL, maxTicks: 11 },
  { policy: 'refusing', workers: 3, ...STALL, maxTicks: 11 },
  { policy: 'strict', ...LOSS, servesTicks: 5 },
  { policy: 'strict', ...CRASH, servesTicks: 8, maxTicks: 20 },
  { policy: 'strict', declared: false, ...LOSS, losses: 0, slows: 1, maxTicks: 20 },
  { policy: 'none', ...LOSS, losses: 0, slows: 1 },
];

/** What `npm run explore` explores beyond that. */
export const LARGE_CASES: Case[] = [
  ...PROFILES.map((profile) => ({ ...profile, workers: 3 })),
  ...PROFILES.map((profile) => ({ ...profile, maxTicks: 20, losses: 2, crashes: 0 })),
  ...PROFILES.map((profile) => ({ ...profile, crashes: 0, losses: 0, slows: 1, maxTicks: 20 })),
  { policy: 'grace', workers: 3, ...STALL, maxTicks: 14 },
  { policy: 'grace', crashes: 1, losses: 0, stalls: true },
];

/** Variants of the rules, each in a world where it loses a grant that the rules keep. */
export const WRONG: (Case & { variant: Variant })[] = [
  // Alone, and slower than the lease: its answer is the only copy.
  {
    ...{ variant: 'lease_fenced_commit', workers: 1, policy: 'strict' },
    ...{ crashes: 0, losses: 0, stalls: true },
  },
  {
    ...{ variant: 'first_writer_wins', policy: 'grace', crashes: 0, losses: 0 },
    ...{ stalls: true, stopAtFirstBad: true },
  },
  {
    ...{ variant: 'loser_marks_dead', policy: 'refusing', crashes: 0, losses: 0 },
    ...{ stalls: true, stopAtFirstBad: true },
  },
  {
    ...{ variant: 'no_settling', policy: 'strict', crashes: 0, losses: 0 },
    ...{ slows: 1, maxTicks: 20, stopAtFirstBad: true },
  },
];

/** A case in words. */
export function nameOf(changes: Case): string {
  const { policy, declared, workers, crashes, losses, slows, stalls, servesTicks } = {
    ...BASE,
    ...changes,
  };
  return [
    `${policy}, ${declared ? 'declared' : 'unknown'}`,
    `${workers} workers`,
    ...(crashes > 0 ? [`${crashes} crash`] : []),
    ...(losses > 0 ? [`${losses} lost`] : []),
    ...(slows > 0 ? [`${slows} slow`] : []),
    ...(stalls ? ['stalls'] : []),
    ...(servesTicks > 0 ? ['old token serves'] : []),
  ].join(', ');
}
