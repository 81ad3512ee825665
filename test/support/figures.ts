/** Figures that tests measure, for the reports: one JSON object a line in `.tmp/faults`. */
import { appendFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../.tmp/faults/', import.meta.url));

/** Prints figures and appends them to a file. */
export async function keepFigures(file: string, figures: Record<string, unknown>): Promise<void> {
  const line = JSON.stringify(figures);
  console.log(line);
  await mkdir(FOLDER, { recursive: true });
  await appendFile(`${FOLDER}${file}`, `${line}\n`);
}
