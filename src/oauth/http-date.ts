const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day';
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})';

const FORMS = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^${DAY}, (?<day>\\d{2}) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^${LONG_DAY}, (?<day>\\d{2})-${MONTH}-(?<year>\\d{2}) ${TIME} GMT$`),
  // Sun Nov  6 08:49:37 1994
  new RegExp(`^${DAY} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
];

/**
 * Reads an HTTP date in its three forms as Unix milliseconds; null: it is none of them. A two-digit
 * year that would lie more than 50 years ahead of `nowMs` is one of the past.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.7
 */
export function parseHttpDate(text: string, nowMs: number): number | null {
  for (const form of FORMS) {
    const groups = form.exec(text.trim())?.groups;
    if (groups !== undefined) return timeOf(groups, nowMs);
  }
  return null;
}

function timeOf(groups: Record<string, string>, nowMs: number): number | null {
  const field = (name: string): number => Number(groups[name] ?? Number.NaN);
  const year = fullYear(groups['year'] ?? '', nowMs);
  const month = MONTHS.indexOf(groups['month'] ?? '');
  const [day, hour, minute, second] = [
    field('day'),
    field('hour'),
    field('minute'),
    field('second'),
  ];
  if (hour > 23 || minute > 59 || second > 60) return null;
  const time = Date.UTC(year, month, day, hour, minute, second);
  // Date.UTC carries 31 February over into March.
  return new Date(Date.UTC(year, month, day)).getUTCDate() === day ? time : null;
}

function fullYear(digits: string, nowMs: number): number {
  const year = Number(digits);
  if (digits.length !== 2) return year;
  const thisYear = new Date(nowMs).getUTCFullYear();
  const inThisCentury = thisYear - (thisYear % 100) + year;
  return inThisCentury > thisYear + 50 ? inThisCentury - 100 : inThisCentury;
}
