import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { cpus, platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { BenchResult, KeptResult } from '../result.js';

const FOLDER = fileURLToPath(new URL('../results/', import.meta.url));

/** Writes a result to bench/results. */
export async function keepResult(result: BenchResult): Promise<void> {
  const kept: KeptResult = {
    measuredAt: new Date().toISOString(),
    machine: { node: process.version, platform: platform(), cores: cpus().length },
    ...rounded(result),
  };
  await mkdir(FOLDER, { recursive: true });
  await writeFile(`${FOLDER}${result.bench}.json`, `${JSON.stringify(kept, null, 2)}\n`);
}

/** Reads every result, by the name of its bench. */
export async function readResults(): Promise<Map<string, KeptResult>> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.json')).sort();
  const results = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(`${FOLDER}${name}`, 'utf8')) as KeptResult),
  );
  return new Map(results.map((result) => [result.bench, result]));
}

/** Six digits say all there is. */
function rounded(result: BenchResult): BenchResult {
  const round = (value: number): number => Number(value.toPrecision(6));
  return {
    ...result,
    measures: result.measures.map((one) => ({ ...one, rounds: one.rounds.map(round) })),
    ratios: result.ratios.map((one) => ({ ...one, rounds: one.rounds.map(round) })),
    series: result.series.map((one) => ({ ...one, values: one.values.map(round) })),
  };
}
