/** Makes docs/reliability.md from figures. */
import type { ChaosReport } from '../faults/chaos/verdict.js';
import type { Figures } from '../faults/support/figures.js';
import type { ExplorationFigures } from './exploration.js';
import type { BadInputs } from './results.js';

/** Everything the page says. */
export interface PageInput {
  scenarios: Figures[];
  exploration: ExplorationFigures;
  badInputs: BadInputs[];
  chaos: ChaosReport[];
}

const total = (numbers: number[]): number => numbers.reduce((sum, one) => sum + one, 0);

const count = (value: number): string => value.toLocaleString('en-US');

/** The value below which a share of the values lies; null: there is none. */
export function percentile(values: number[], share: number): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)] ?? null;
}

const shown = (value: number | null, unit: string): string =>
  value === null ? 'not measured' : `${count(Math.round(value))} ${unit}`;

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The page, as Markdown. */
export function reliabilityPage(input: PageInput): string {
  return [
    HEAD,
    '## In short',
    summary(input),
    '## Scenarios',
    SCENARIOS_SAY,
    scenarioTable(input.scenarios),
    '## Chaos',
    CHAOS_SAYS,
    chaosTable(input.chaos),
    '## Every order',
    explorationText(input.exploration),
    '## Bad inputs',
    table(
      ['input', 'tried', 'refused or read as they should'],
      input.badInputs.map(({ what, tried, refused }) => [what, count(tried), count(refused)]),
    ),
    '## How to repeat it',
    REPEAT,
  ].join('\n\n');
}

const HEAD = `# Reliability

<!-- Written by \`npm run reliability\` from test results; not by hand. -->

What this package survives, in figures from its own tests. A scenario starts a real deployment (worker processes,
Temporal, mongod, an authorization server with a ledger of every token), breaks it at a named point, and then holds
the store, every history, every log and every API call against the ledger. Times are those of one run on a shared
two-core machine.`;

const SCENARIOS_SAY = `Each is a test named by its fault and its right outcome ([test/faults](../test/faults/README.md)).
Recovery is the time from the fault to the next token; a takeover of a dead worker's request begins when that
request's own time is over. A worker that stands still (SIGSTOP) goes on holding its polls at Temporal, so what is
handed to it waits for its time limit: recovery takes more than a minute. *Presented again*: refresh tokens that were sent a second time because nobody knew what
the first time brought.`;

const CHAOS_SAYS = `Random faults on three workers, three mongods and 30 connections of mixed rotation under steady
API calls; the same checks at the end. The seed reproduces the schedule.`;

const REPEAT = `\`\`\`sh
npm run reliability              # the scenarios, the exploration and the unit tests, then this page
npm run chaos -- --minutes 10 --seed 1
\`\`\``;

function summary({ scenarios, exploration, badInputs, chaos }: PageInput): string {
  const survived = scenarios.filter((one) => one.survived).length;
  const violations = [...scenarios, ...chaos].flatMap((one) => one.violations);
  const of = (invariant: string): string =>
    count(violations.filter((text) => text.startsWith(invariant)).length);
  const windows = scenarios.flatMap(({ windowsUs }) => windowsUs);
  const recoveries = scenarios.flatMap(({ recoveryMs }) =>
    recoveryMs === null ? [] : [recoveryMs],
  );
  const unavoidable =
    total(scenarios.map((one) => one.unavoidablyLost)) +
    total(chaos.map((one) => one.unavoidableLosses));
  const bytes = total([...scenarios, ...chaos].map((one) => one.bytesSearched));
  // Its first request brought the token that then expired.
  const stampede = scenarios.find(({ more }) => more?.['waiters'] !== undefined);
  return table(
    ['figure', 'value'],
    [
      [
        'faults injected in scenarios, and survived',
        `${count(scenarios.length)}, ${count(survived)}`,
      ],
      ['faults injected by chaos, minutes', chaosInShort(chaos)],
      [
        'interleavings explored, bad ends',
        `${count(exploration.states)} states, ${exploration.bad}`,
      ],
      [
        'bad inputs tried, not handled',
        `${count(total(badInputs.map(({ tried }) => tried)))}, ${count(
          total(badInputs.map(({ tried, refused }) => tried - refused)),
        )}`,
      ],
      ['refresh tokens used twice by accident', of('I1')],
      ['refresh tokens lost that could have been kept', of('I2')],
      ['refresh tokens lost because the fault took the only copy', count(unavoidable)],
      ['grants declared dead that were alive', of('I3')],
      ['bytes searched for secrets, secrets found', `${count(bytes)}, ${of('I4')}`],
      [
        'token requests for waiters at once',
        stampede === undefined
          ? 'not measured'
          : `${stampede.tokenRequests - 1} for ${count(stampede.more?.['waiters'] ?? 0)}`,
      ],
      [
        'crash window (answer read to commit acknowledged), p50, p99',
        `${shown(percentile(windows, 0.5), 'µs')}, ${shown(percentile(windows, 0.99), 'µs')} (${count(windows.length)} requests)`,
      ],
      [
        'fault to next token, p50, p99',
        `${shown(percentile(recoveries, 0.5), 'ms')}, ${shown(percentile(recoveries, 0.99), 'ms')}`,
      ],
      [
        'of those within the usual grace of 30 s',
        `${count(recoveries.filter((ms) => ms <= 30_000).length)} of ${count(recoveries.length)}`,
      ],
    ],
  );
}

function chaosInShort(chaos: ChaosReport[]): string {
  const faults = total(chaos.map((one) => one.faultsInjected));
  return `${count(faults)} in ${count(total(chaos.map(({ minutes }) => minutes)))} minutes`;
}

function scenarioTable(scenarios: Figures[]): string {
  return table(
    ['#', 'fault', 'right outcome', 'so it ended', 'recovery', 'token requests', 'presented again'],
    scenarios.map((one) => [
      String(one.number),
      one.fault,
      one.outcome,
      one.survived ? 'yes' : `**no**: ${one.violations.join('; ')}`,
      one.recoveryMs === null ? '' : `${count(one.recoveryMs)} ms`,
      count(one.tokenRequests),
      count(one.presentedTwice),
    ]),
  );
}

function chaosTable(chaos: ChaosReport[]): string {
  return table(
    [
      'seed',
      'minutes',
      'faults',
      'API calls',
      'token requests',
      'presented again',
      'lost: avoidable, unavoidable',
      'falsely dead',
      'secrets found',
      'violations',
    ],
    chaos.map((one) => [
      String(one.seed),
      String(one.minutes),
      count(one.faultsInjected),
      count(one.apiCalls),
      count(one.tokenRequests),
      count(total(Object.values(one.presentedAgainByRule))),
      `${count(one.avoidableLosses)}, ${count(one.unavoidableLosses)}`,
      count(one.falseReauthorizations),
      count(one.secretsFound),
      one.violations.length === 0 ? 'none' : one.violations.join('; '),
    ]),
  );
}

function explorationText(figures: ExplorationFigures): string {
  const { cases, states, ends, bad, unavoidable, variants, variantsCaught } = figures;
  return `The rotation machine that the activity runs, in every order of its workers' steps, with crashes, lost answers
and stalled workers, against servers that rotate never, with a grace, and strictly: ${count(cases)} cases,
${count(states)} states, ${count(ends)} ends, of them ${count(bad)} bad. In ${count(unavoidable)} ends the answer with the
new refresh token reached nobody who lived on. Of ${variants} wrong variants of the rules (a commit fenced by the lease,
the first writer wins, a loser declares the grant dead…) ${variantsCaught} show bad ends, as they have to.`;
}
