/** The checker finds what must never be: one fabricated violation of each kind, and the allowed ones. */
import { expect, it } from 'vitest';
import { check, presentedTwice, type Observation, type ObservedConnection } from './checker.js';
import type { Exchange } from './exchanges.js';

const CONNECTION: ObservedConnection = {
  connectionId: 'a',
  rotation: 'strict',
  requestTimeoutMs: 1_000,
  state: 'active',
  generation: 2,
  storedRefreshToken: 'canary-refresh-2',
  liveRefreshToken: 'canary-refresh-2',
  importedRefreshToken: 'canary-refresh-0',
};

const exchange = (index: number, changes: Partial<Exchange> = {}): Exchange => ({
  ...{ connectionId: 'a', grantType: 'refresh_token', presented: `canary-refresh-${index - 1}` },
  ...{ arrivedAt: index * 10_000, endedAt: index * 10_000 + 5, did: 'issued' },
  ...{ accessToken: `canary-access-${index}`, refreshToken: `canary-refresh-${index}` },
  ...{ delivered: true, asker: 'alive', ...changes },
});

const WELL: Observation = {
  connections: [CONNECTION],
  exchanges: [exchange(1), exchange(2)],
  apiCalls: [{ allowedOrigin: true, scheme: 'Bearer', token: 'live', at: 0 }],
  waiters: [
    { what: 'one', startedAt: 0, endedAt: 10, answer: { generation: 2, type: null } },
    {
      what: 'other',
      startedAt: 0,
      endedAt: 10,
      answer: { generation: null, type: 'Token.revoked', final: true },
    },
  ],
  waitBoundMs: 1_000,
  places: { histories: 'ordinary text' },
  secrets: ['canary-refresh-0', 'canary-refresh-1', 'canary-client-secret-11'],
};

const observed = (changes: Partial<Observation>): string[] =>
  check({ ...WELL, ...changes }).map(({ invariant }) => invariant);
const connected = (changes: Partial<ObservedConnection>, exchanges = WELL.exchanges): string[] =>
  observed({ connections: [{ ...CONNECTION, ...changes }], exchanges });

it('finds nothing where all is well', () => {
  expect(check(WELL)).toEqual([]);
  expect(presentedTwice(WELL.exchanges)).toBe(0);
});

it('I1: finds a refresh token that was presented again although its answer arrived', () => {
  const twice = [exchange(1), exchange(2), exchange(3, { presented: 'canary-refresh-1' })];
  expect(connected({ generation: 3 }, twice)).toEqual(['I1']);
  expect(presentedTwice(twice)).toBe(1);
  expect(connected({ generation: 3, rotation: 'none' }, twice)).toEqual([]);
});

it('I1: finds a second request while the first is under way, whatever the profile', () => {
  const hurried = [
    exchange(1, { endedAt: null, did: 'pending', refreshToken: null, delivered: false }),
    exchange(2, { presented: 'canary-refresh-0', arrivedAt: 10_900 }),
  ];
  expect(connected({}, hurried)).toEqual(['I1']);
  expect(connected({ rotation: 'none' }, hurried)).toEqual(['I1']);
  const [first = exchange(1)] = hurried;
  const late = [first, exchange(2, { presented: 'canary-refresh-0', arrivedAt: 11_100 })];
  expect(connected({}, late)).toEqual([]);
});

it.each<[string, Partial<Exchange>]>([
  ['was lost', { delivered: false }],
  ['died with its asker', { asker: 'killed' }],
  ['was not made', { did: 'dropped', delivered: false }],
])('I1: allows the second time when the first answer %s', (_, first) => {
  const again = [exchange(1), exchange(2, first), exchange(3, { presented: 'canary-refresh-1' })];
  expect(connected({}, again)).toEqual([]);
});

it('I1: does not blame a worker for what another program does', () => {
  const stranger = exchange(3, { presented: 'canary-refresh-1', asker: 'stranger' });
  expect(connected({ generation: 3 }, [exchange(1), exchange(2), stranger])).toEqual([]);
});

it('I2: finds a refresh token that was dropped', () => {
  expect(connected({ storedRefreshToken: 'canary-refresh-1' })).toEqual(['I2']);
  expect(connected({ storedRefreshToken: null })).toEqual(['I2']);
  expect(connected({ liveRefreshToken: null })).toEqual(['I2']);
});

it('I3: finds a grant that was declared dead while a received refresh token lives', () => {
  const dead = {
    state: 'reauthorization_required',
    storedRefreshToken: 'canary-refresh-1',
  } as const;
  expect(connected(dead)).toEqual(['I3']);
  expect(connected({ ...dead, liveRefreshToken: 'canary-refresh-0' })).toEqual(['I3']);
  // Nobody who lives has it.
  expect(connected({ ...dead, liveRefreshToken: null })).toEqual([]);
  const killed = [exchange(1), exchange(2, { asker: 'killed' })];
  expect(connected(dead, killed)).toEqual([]);
  const stopped = [exchange(1), exchange(2, { asker: 'stopped' })];
  expect(connected(dead, stopped)).toEqual(['I3']);
});

it('I4: finds a secret, also in base64, and a place that was not searched', () => {
  const hidden = Buffer.from('it is canary-client-secret-11 here').toString('base64');
  expect(observed({ places: { log: `"${hidden}"` } })).toEqual(['I4']);
  expect(observed({ places: { log: '' } })).toEqual(['I4']);
  const [{ says } = { says: '' }] = check({ ...WELL, places: { log: 'canary-refresh-0' } });
  expect(says).toBe('log: holds refresh');
});

it.each([
  { allowedOrigin: false, scheme: 'Bearer', token: 'live' as const, at: 0 },
  { allowedOrigin: true, scheme: 'Basic', token: 'live' as const, at: 0 },
  { allowedOrigin: true, scheme: 'Bearer', token: 'expired' as const, at: 0 },
  { allowedOrigin: true, scheme: 'Bearer', token: 'unknown' as const, at: 0 },
  { allowedOrigin: true, scheme: null, token: 'none' as const, at: 0 },
])('I5: finds a call of $scheme with a token that is $token', (call) => {
  expect(observed({ apiCalls: [call] })).toEqual(['I5']);
});

it('I6: finds an answered request that brought no generation', () => {
  expect(connected({ generation: 1 })).toEqual(['I6']);
  const lost = [exchange(1, { delivered: false }), exchange(2)];
  expect(connected({ generation: 1 }, lost)).toEqual([]);
});

it('I7: finds a waiter that still waits, waited too long, or got an error of no table', () => {
  const waiter = { what: 'one', startedAt: 0, endedAt: 10, answer: null };
  const answered = { ...waiter, answer: { generation: 1, type: null } };
  expect(observed({ waiters: [{ ...waiter, endedAt: null }] })).toEqual(['I7']);
  expect(observed({ waiters: [{ ...answered, endedAt: 2_000 }] })).toEqual(['I7']);
  const typed = (type: string) => ({ ...waiter, answer: { generation: null, type, final: true } });
  expect(observed({ waiters: [typed('TypeError')] })).toEqual(['I7']);
  expect(observed({ waiters: [typed('OAuth.unreachable')] })).toEqual([]);
});
