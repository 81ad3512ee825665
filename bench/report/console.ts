import { isRight, type BenchResult, type Count } from '../result.js';
import { median, spread } from '../statistics.js';
import { numberText } from './numbers.js';

/** Says what a bench found; of a quick run counts only. */
export function sayResult(result: BenchResult, quick: boolean, say: (line: string) => void): void {
  if (!quick) {
    for (const { cell, subject, unit, rounds } of result.measures) {
      const { min, max } = spread(rounds);
      const range = `${numberText(min)} – ${numberText(max)}`;
      say(`  ${cell}, ${subject}: ${numberText(median(rounds))} ${unit} (${range})`);
    }
    for (const { cell, of, to, rounds } of result.ratios) {
      say(`  ${cell}, ${of} / ${to}: ${numberText(median(rounds))}×`);
    }
    for (const { claim, toReach, measured, met } of result.claims) {
      say(`  ${met ? '✓' : '✗'} ${claim}: ${measured} (to reach: ${toReach})`);
    }
  }
  for (const count of result.counts) {
    say(`  ${isRight(count) ? '✓' : '✗'} ${count.what}: ${countText(count)}`);
  }
}

/** The counts that are not what they have to be. */
export function wrongCounts(result: BenchResult): string[] {
  return result.counts
    .filter((count) => !isRight(count))
    .map((count) => `${result.bench}: ${count.what}: ${countText(count)}`);
}

function countText({ value, expected }: Count): string {
  return expected === null ? numberText(value) : `${numberText(value)} (${expectedText(expected)})`;
}

/** What a count has to be. */
export function expectedText(expected: NonNullable<Count['expected']>): string {
  if ('exactly' in expected) return `exactly ${numberText(expected.exactly)}`;
  if ('atMost' in expected) return `at most ${numberText(expected.atMost)}`;
  return `at least ${numberText(expected.atLeast)}`;
}
