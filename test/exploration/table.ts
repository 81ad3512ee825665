/** `npm run explore`: every case, the large ones too, as a table; ends with 1 if a rule was broken. */
import { BASE, CASES, LARGE_CASES, WRONG, nameOf } from './cases.js';
import { explore } from './explore.js';

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

function row(name: string, settings: (typeof CASES)[number]): number {
  const startedAt = performance.now();
  const { states, ends, cutOff, bad, unavoidable } = explore({ ...BASE, ...settings });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const cells = [name, states, ends, cutOff, sum(bad), sum(unavoidable), `${seconds} s`];
  console.log(`| ${cells.join(' | ')} |`);
  for (const [verdict, count] of Object.entries({ ...bad, ...unavoidable })) {
    console.log(`|   ${verdict}: ${count} | | | | | | |`);
  }
  return sum(bad);
}

console.log('| explored | states | ends | out of time | bad | unavoidable | took |');
console.log('|---|---|---|---|---|---|---|');
let broken = 0;
for (const settings of [...CASES, ...LARGE_CASES]) broken += row(nameOf(settings), settings);
let unnoticed = 0;
for (const settings of WRONG) {
  const name = `**${settings.variant}**: ${nameOf(settings)}`;
  if (row(name, { ...settings, stopAtFirstBad: false }) === 0) unnoticed += 1;
}
console.log(
  '\nUnavoidable: an answer with a new refresh token reached nobody who lived on. A strict server does ' +
    'not take the old one again; one with a grace holds that answer alone for valid, and here it was ' +
    'made last: by a request that outlived its client, or for a worker that crashed beside a stalled one.',
);
process.exitCode = broken === 0 && unnoticed === 0 ? 0 : 1;
