import { isRight, type KeptResult, type Measure, type Ratio } from '../result.js';
import { median, spread } from '../statistics.js';
import { expectedText } from './console.js';
import { numberText } from './numbers.js';

/** What was to reach, what was counted, and what was measured, as Markdown. */
export function tablesOf(result: KeptResult): string {
  const { claims, counts, ratios, measures } = result;
  return [
    claims.length === 0
      ? ''
      : table(
          ['', 'to reach', 'measured', ''],
          claims.map(({ claim, toReach, measured, met }) => [
            ...[claim, toReach, measured],
            toReach === '–' ? '' : met ? 'reached' : '**not reached**',
          ]),
        ),
    counts.length === 0
      ? ''
      : table(
          ['counted', 'value', 'has to be'],
          counts.map((count) => [
            ...[count.what, numberText(count.value)],
            count.expected === null
              ? '–'
              : `${expectedText(count.expected)}${isRight(count) ? '' : ' **(wrong)**'}`,
          ]),
        ),
    ratios.length === 0
      ? ''
      : table(['ratio', 'of', 'to', 'median', 'rounds'], ratios.map(ratioRow)),
    measures.length === 0
      ? ''
      : details(
          'Values of this machine',
          table(['', '', 'median', 'spread', 'unit'], measures.map(measureRow)),
        ),
    `Measured ${result.measuredAt.slice(0, 10)} with Node ${result.machine.node} on ${result.machine.cores} cores.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function ratioRow({ cell, of, to, rounds }: Ratio): string[] {
  const each = rounds.map((ratio) => numberText(ratio)).join(', ');
  return [cell, of, to, `${numberText(median(rounds))}×`, each];
}

function measureRow({ cell, subject, unit, rounds }: Measure): string[] {
  const { min, max } = spread(rounds);
  return [
    cell,
    subject,
    numberText(median(rounds)),
    `${numberText(min)} – ${numberText(max)}`,
    unit,
  ];
}

/** A Markdown table. */
export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

function details(summary: string, content: string): string {
  return `<details><summary>${summary}</summary>\n\n${content}\n\n</details>`;
}
