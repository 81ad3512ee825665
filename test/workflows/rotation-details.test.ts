import { expect, it } from 'vitest';
import { rotationDetails } from '../../src/workflows/rotation-details.js';

const view = {
  active: { access: 'access-2', grant: 'grant-2' },
  resealed: 1_500,
  left: 500,
  busy: 0,
  perSecond: 412.3,
};

it('tells people how far a rotation of keys is', () => {
  const text = rotationDetails(view);
  expect(text).toContain('| Sealed anew | **1500** (75 %) |');
  expect(text).toContain('| Left | 500 |');
  expect(text).toContain('| Pace | 412 records a second |');
  expect(text).toContain('`grant-2`');
});

it('tells what it waits for, and nothing it does not know', () => {
  expect(rotationDetails({ ...view, left: 3, busy: 2 })).toContain('3, 2 of them in use');
  const text = rotationDetails({ ...view, resealed: 0, left: 0, perSecond: null });
  expect(text).toContain('(100 %)');
  expect(text).toContain('not known yet');
});
