import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { KeptResult } from '../result.js';
import { costTables } from './cost.js';
import { ratioPlot, seriesPlot } from './plots.js';
import { readResults } from './results.js';
import { tablesOf } from './tables.js';

const TEMPLATE = fileURLToPath(new URL('./performance.template.md', import.meta.url));
const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const PLOTS = 'performance';

/** A page, and the plots it shows by their file names. */
export interface Page {
  text: string;
  plots: Map<string, string>;
}

/** Writes docs/performance.md and its plots from the template and bench/results. */
export async function writePage(): Promise<void> {
  const { text, plots } = makePage(await readFile(TEMPLATE, 'utf8'), await readResults());
  await mkdir(`${DOCS}${PLOTS}`, { recursive: true });
  for (const [name, plot] of plots) await writeFile(`${DOCS}${PLOTS}/${name}`, plot);
  await writeFile(`${DOCS}performance.md`, text);
}

/**
 * Fills the template: `{{result NAME}}` becomes the tables and plots of a bench, `{{cost}}` those of
 * what things cost. The same results always make the same page.
 */
export function makePage(template: string, results: Map<string, KeptResult>): Page {
  const plots = new Map<string, string>();
  const text = template.replace(/\{\{(\w+)(?: ([\w-]+))?\}\}/g, (_all, what: string, name = '') =>
    what === 'cost' ? cost(results) : resultOf(results.get(String(name)), String(name), plots),
  );
  return { text, plots };
}

function cost(results: Map<string, KeptResult>): string {
  const found = results.get('durable-refresh');
  return found === undefined ? NOT_RUN : costTables(found);
}

const NOT_RUN = '*Not measured yet.*';

function resultOf(
  result: KeptResult | undefined,
  name: string,
  plots: Map<string, string>,
): string {
  if (result === undefined) return NOT_RUN;
  const images: string[] = [];
  const add = (file: string, alt: string, plot: string): void => {
    plots.set(file, plot);
    images.push(`![${alt}](${PLOTS}/${file})`);
  };
  const ratios = ratioPlot(result);
  if (ratios !== null) add(`${name}.svg`, `Ratios of ${name}`, ratios);
  for (const [index, series] of result.series.entries()) {
    add(`${name}-${index + 1}.svg`, `${series.name}: ${series.unit}`, seriesPlot(series));
  }
  return [tablesOf(result), ...images].join('\n\n');
}
