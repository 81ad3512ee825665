import type { BenchResult } from './result.js';
import { ratios } from './statistics.js';

/** Subjects of one cell, measured in alternating rounds. */
export interface Rounds {
  cell: string;
  unit: string;
  /** Each returns one value a round. */
  subjects: Record<string, (round: number) => Promise<number>>;
  rounds: number;
  /** Whether a round is run first whose values are thrown away. */
  warmUp: boolean;
  /** Subjects to compare: `of` divided by `to`. */
  compare: { of: string; to: string }[];
}

/**
 * Measures subjects in alternating rounds, every second one in reverse order, so that whatever else
 * the machine does hits all of them, and adds values and ratios to the result.
 */
export async function measureRounds(result: BenchResult, plan: Rounds): Promise<void> {
  const names = Object.keys(plan.subjects);
  const values = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = plan.warmUp ? -1 : 0; round < plan.rounds; round += 1) {
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      const value = await plan.subjects[name]?.(round);
      if (round >= 0 && value !== undefined) values.get(name)?.push(value);
    }
  }
  const { cell, unit } = plan;
  for (const [subject, rounds] of values) result.measures.push({ cell, subject, unit, rounds });
  for (const { of, to } of plan.compare) {
    const rounds = ratios(values.get(of) ?? [], values.get(to) ?? []);
    result.ratios.push({ cell, of, to, rounds });
  }
}

/** Values of a subject of a cell, measured before. */
export function valuesOf(result: BenchResult, cell: string, subject: string): number[] {
  const found = result.measures.find((one) => one.cell === cell && one.subject === subject);
  if (found === undefined) throw new Error(`Nothing was measured of ${subject} in ${cell}.`);
  return found.rounds;
}

/** Ratios of two subjects of a cell, computed before. */
export function ratiosOf(result: BenchResult, cell: string, pair: { of: string; to: string }) {
  const found = result.ratios.find(
    (one) => one.cell === cell && one.of === pair.of && one.to === pair.to,
  );
  if (found === undefined) throw new Error(`${pair.of} was not compared to ${pair.to} in ${cell}.`);
  return found.rounds;
}
