/**
 * What each scenario measured, as lines of JSON for docs/reliability.md: one line a scenario, in
 * `.tmp/faults/<test file>.jsonl` or in the folder that `FAULTS_RESULTS` names. A file is begun anew
 * by the test file that writes it.
 */
import { appendFile, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../../.tmp/faults', import.meta.url));

/** A line. */
export interface Figures {
  /** Of the table in test/faults/README.md. */
  number: number;
  fault: string;
  /** The right outcome, in words. */
  outcome: string;
  /** The scenario ended so, and no invariant was violated. */
  survived: boolean;
  /** Every violation, as `I1 …`, or that the outcome was not the right one. */
  violations: string[];
  /** From the fault to the next token; null: it does not apply. */
  recoveryMs: number | null;
  tokenRequests: number;
  /** Refresh tokens that were presented again, by rule or not. */
  presentedTwice: number;
  /** Refresh tokens the fault made unrecoverable: the server is strict and the answer was lost. */
  unavoidablyLost: number;
  /** Crash windows: response read to commit acknowledged, in microseconds. */
  windowsUs: number[];
  bytesSearched: number;
  secretsSearchedFor: number;
  /** The whole scenario, in milliseconds. */
  tookMs: number;
  /** What else a scenario measured, such as `waiters`. */
  more?: Record<string, number>;
}

const begun = new Map<string, Promise<string>>();

async function begin(testFile: string): Promise<string> {
  const folder = process.env['FAULTS_RESULTS'] ?? FOLDER;
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${basename(testFile).replace(/\.test\.ts$/, '')}.jsonl`);
  await rm(path, { force: true });
  return path;
}

/** Adds a line to the results of a test file. */
export async function recordFigures(testFile: string, figures: Figures): Promise<void> {
  let beginning = begun.get(testFile);
  if (beginning === undefined) begun.set(testFile, (beginning = begin(testFile)));
  await appendFile(await beginning, `${JSON.stringify(figures)}\n`);
}
