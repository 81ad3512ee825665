import { expect, it } from 'vitest';
import { percentile, reliabilityPage, type PageInput } from './page.js';

const SCENARIO: PageInput['scenarios'][number] = {
  ...{ number: 5, fault: 'kill -9 in flight', outcome: 'recovered', survived: true },
  ...{ violations: [], recoveryMs: 12_345, tokenRequests: 3, presentedTwice: 1 },
  ...{ unavoidablyLost: 2, windowsUs: [900, 1_100, 5_000], bytesSearched: 1_000 },
  ...{ secretsSearchedFor: 4, tookMs: 20_000, more: { waiters: 10_000 } },
};
const EXPLORATION = {
  ...{ cases: 3, states: 1_234_567, ends: 99, bad: 0, unavoidable: 7 },
  ...{ variants: 4, variantsCaught: 4 },
};

const page = (scenario: Partial<PageInput['scenarios'][number]> = {}): string =>
  reliabilityPage({
    scenarios: [{ ...SCENARIO, ...scenario }],
    exploration: EXPLORATION,
    badInputs: [{ what: 'hostile addresses', tried: 140, refused: 139 }],
    chaos: [],
  });

it('says what was measured', () => {
  const text = page();
  expect(text).toContain('| faults injected in scenarios, and survived | 1, 1 |');
  expect(text).toContain('1,234,567 states, 0');
  expect(text).toContain('| bad inputs tried, not handled | 140, 1 |');
  expect(text).toContain('| token requests for waiters at once | 2 for 10,000 |');
  expect(text).toContain('1,100 µs, 5,000 µs (3 requests)');
  expect(text).toContain('| 5 | kill -9 in flight | recovered | yes | 12,345 ms | 3 | 1 |');
});

it('hides no violation', () => {
  const text = page({ survived: false, violations: ['I3 c-1: dead, and it lives'] });
  expect(text).toContain('**no**: I3 c-1: dead, and it lives');
  expect(text).toContain('| grants declared dead that were alive | 1 |');
  expect(text).toContain('| faults injected in scenarios, and survived | 1, 0 |');
});

it('takes percentiles that were measured, not made', () => {
  expect(percentile([], 0.5)).toBeNull();
  expect(percentile([3, 1, 2], 0.5)).toBe(2);
  expect(percentile([3, 1, 2], 0.99)).toBe(3);
});
