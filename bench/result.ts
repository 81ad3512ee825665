/** What a bench found: written to bench/results as JSON, and from there to docs/performance.md. */

/** One thing measured in every round, such as the calls a second of one way to call an API. */
export interface Measure {
  /** What was measured, the same for everything that is compared. */
  cell: string;
  /** Who or what was measured. */
  subject: string;
  unit: string;
  /** One value a round. */
  rounds: number[];
}

/** How two subjects of one cell compare, round by round: noise of the machine hits both. */
export interface Ratio {
  cell: string;
  of: string;
  to: string;
  rounds: number[];
}

/** Something counted: it is the same on every machine. */
export interface Count {
  what: string;
  value: number;
  /** What it has to be; null: it is told, not judged. */
  expected: { exactly: number } | { atMost: number } | { atLeast: number } | null;
}

/** What the bench is to reach, and whether it does. */
export interface Claim {
  claim: string;
  toReach: string;
  measured: string;
  met: boolean;
}

/** Values over time, for a plot. */
export interface Series {
  name: string;
  /** Title of the value. */
  unit: string;
  /** Seconds between two values. */
  stepS: number;
  values: number[];
}

/** Everything a bench found. */
export interface BenchResult {
  bench: string;
  measures: Measure[];
  ratios: Ratio[];
  counts: Count[];
  claims: Claim[];
  series: Series[];
}

/** A result as it is kept: with when and on what it was measured. */
export interface KeptResult extends BenchResult {
  measuredAt: string;
  machine: { node: string; platform: string; cores: number };
}

/** Makes an empty result. */
export function emptyResult(bench: string): BenchResult {
  return { bench, measures: [], ratios: [], counts: [], claims: [], series: [] };
}

/** Whether a count is what it has to be. */
export function isRight({ value, expected }: Count): boolean {
  if (expected === null) return true;
  if ('exactly' in expected) return value === expected.exactly;
  if ('atMost' in expected) return value <= expected.atMost;
  return value >= expected.atLeast;
}
