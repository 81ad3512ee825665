/** Aligned `name  value` lines; members without a value are left out. */
export function fieldLines(fields: readonly (readonly [string, string | number | null])[]): string {
  const shown = fields.filter(([, value]) => value !== null);
  const width = Math.max(...shown.map(([name]) => name.length), 0);
  return shown.map(([name, value]) => `  ${name.padEnd(width)}  ${value}\n`).join('');
}

/** An aligned table with its heads in upper case. */
export function tableLines(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heads.map((head) => head.toUpperCase()), ...rows];
  const widths = heads.map((_, column) =>
    Math.max(...all.map((cells) => cells[column]?.length ?? 0)),
  );
  return all
    .map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** A time for people: seconds are enough, and how far it is. */
export function timeText(iso: string | null, now: number = Date.now()): string | null {
  if (iso === null) return null;
  const at = Date.parse(iso);
  const text = new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
  return `${text} (${distanceText(at - now)})`;
}

function distanceText(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000);
  const [amount, unit] =
    seconds < 120
      ? [seconds, 's']
      : seconds < 7_200
        ? [Math.round(seconds / 60), 'min']
        : seconds < 172_800
          ? [Math.round(seconds / 3_600), 'h']
          : [Math.round(seconds / 86_400), 'd'];
  return ms < 0 ? `${amount} ${unit} ago` : `in ${amount} ${unit}`;
}
