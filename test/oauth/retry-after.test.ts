import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHttpDate } from '../../src/oauth/http-date.js';
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from '../../src/oauth/index.js';

const NOW = Date.UTC(1994, 10, 6, 8, 49, 7);

function retryAfter(text: string | undefined, date?: string): number | null {
  return parseRetryAfter({ retryAfter: text, date, nowMs: NOW });
}

describe('Retry-After (RFC 9110 §10.2.3)', () => {
  it.each<[string | undefined, number | null]>([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['86400', 86_400_000],
    ['86401', MAX_RETRY_AFTER_MS],
    ['9'.repeat(400), MAX_RETRY_AFTER_MS],
    ['-1', null],
    ['1.5', null],
    ['soon', null],
    ['', null],
    [undefined, null],
  ])('in seconds: %j is %j', (text, expected) => {
    expect(retryAfter(text)).toBe(expected);
  });

  it.each([
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
  ])('as a date: %s is in 30 seconds', (text) => {
    expect(retryAfter(text)).toBe(30_000);
  });

  it("goes by the server's clock, not by ours", () => {
    const date = 'Sun, 06 Nov 1994 08:00:00 GMT';
    expect(retryAfter('Sun, 06 Nov 1994 08:00:10 GMT', date)).toBe(10_000);
    expect(retryAfter('Sun, 06 Nov 1994 08:49:37 GMT', 'not a date')).toBe(30_000);
  });

  it('in the past is now, and in a year is a day', () => {
    expect(retryAfter('Sun, 06 Nov 1993 08:49:37 GMT')).toBe(0);
    expect(retryAfter('Mon, 06 Nov 1995 08:49:37 GMT')).toBe(MAX_RETRY_AFTER_MS);
  });

  it.each([
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 25:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 CET',
    '1994-11-06T08:49:37Z',
    'Sun, 6 Nov 1994 08:49:37 GMT',
  ])('%s is no HTTP date', (text) => {
    expect(retryAfter(text)).toBeNull();
  });

  it('takes a two-digit year more than 50 years ahead for one of the past (RFC 9110 §5.6.7)', () => {
    const now = Date.UTC(2030, 0, 1);
    const year = (text: string): number => new Date(parseHttpDate(text, now) ?? 0).getUTCFullYear();
    expect(year('Tuesday, 01-Jan-80 00:00:00 GMT')).toBe(2080);
    expect(year('Tuesday, 01-Jan-81 00:00:00 GMT')).toBe(1981);
  });

  it('is never negative and never more than a day, whatever the header says', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, date) => {
        const ms = parseRetryAfter({ retryAfter: text, date, nowMs: NOW });
        return ms === null || (ms >= 0 && ms <= MAX_RETRY_AFTER_MS);
      }),
    );
  });

  it('reads every date that JavaScript writes', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => parseHttpDate(date.toUTCString(), NOW) === Math.floor(+date / 1000) * 1000,
      ),
    );
  });
});
