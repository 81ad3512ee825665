/** Reads what the runs left. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChaosReport } from '../faults/chaos/verdict.js';
import type { Figures } from '../faults/support/figures.js';
import { FAULTS, REPORTS, UNIT } from './runs.js';

/** Test files whose tests each hold one input that is wrong or hostile, and what they hold. */
const BAD_INPUTS: readonly { what: string; file: RegExp }[] = [
  { what: 'hostile addresses and URLs', file: /network(-hostile)?\.test\.ts$/ },
  { what: 'changed, swapped or foreign sealed values', file: /sealing(-hostile)?\.test\.ts$/ },
  {
    what: 'odd and broken token responses',
    file: /oauth\/(capture|token-request)[^/]*\.test\.ts$/,
  },
  { what: 'wrong connection files', file: /connections\/connection-file\.test\.ts$/ },
  { what: 'wrong environments', file: /test\/config\.test\.ts$/ },
];

/** How many inputs of a kind were tried, and how many ended as they should. */
export interface BadInputs {
  what: string;
  tried: number;
  refused: number;
}

interface UnitReport {
  testResults: { name: string; assertionResults: { status: string }[] }[];
}

/** Counts the bad inputs in the unit tests' report. */
export async function readBadInputs(): Promise<BadInputs[]> {
  const { testResults } = JSON.parse(await readFile(UNIT, 'utf8')) as UnitReport;
  return BAD_INPUTS.map(({ what, file }) => {
    const found = testResults.filter(({ name }) => file.test(name));
    const statuses = found.flatMap((result) => result.assertionResults.map(({ status }) => status));
    const refused = statuses.filter((status) => status === 'passed').length;
    return { what, tried: statuses.length, refused };
  });
}

/** The figures of every scenario, in the order of their numbers. */
export async function readScenarios(): Promise<Figures[]> {
  const files = (await readdir(FAULTS)).filter((name) => name.endsWith('.jsonl'));
  const texts = await Promise.all(files.map((name) => readFile(join(FAULTS, name), 'utf8')));
  return texts
    .flatMap((text) => text.split('\n').filter((line) => line !== ''))
    .map((line) => JSON.parse(line) as Figures)
    .sort((one, other) => one.number - other.number);
}

/** The reports of chaos runs that are kept with the tests. */
export async function readChaosReports(): Promise<ChaosReport[]> {
  const files = (await readdir(REPORTS)).filter((name) => name.endsWith('.json')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(REPORTS, name), 'utf8')));
  return texts.map((text) => JSON.parse(text) as ChaosReport);
}
