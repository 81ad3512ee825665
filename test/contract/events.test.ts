import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  eventsSince,
  eventWorkflowId,
  EXPIRY_NOTICE_DAYS,
  firstAnnounced,
  tokenEventOf,
  type Announced,
  type EventRecord,
} from '../../src/contract/events.js';
import type { TokenState } from '../../src/contract/messages.js';
import { NOW } from './records.js';

const DAY = 24 * 3_600_000;
const HOUR = 3_600_000;

/** A connection whose refresh token has no end that is known; say what is different. */
function record(different: Partial<EventRecord> = {}): EventRecord {
  return {
    connectionId: 'superservice',
    state: 'active',
    epoch: 1,
    generation: 3,
    hasAccessToken: true,
    hasRefreshToken: true,
    invalid: null,
    lastOutcome: { at: NOW - HOUR, outcome: 'issued', type: null },
    refreshTokenExpiresAt: null,
    refreshTokenLifetimeMs: null,
    now: NOW,
    ...different,
  };
}

const START: Announced = firstAnnounced({ epoch: 1 });

const typesOf = (announced: Announced, seen: EventRecord): string[] =>
  eventsSince(announced, seen).events.map(({ type }) => type);

/** What is told when each of some records is looked at in turn. */
function tell(records: EventRecord[], announced: Announced = START): string[] {
  const told: string[] = [];
  let known = announced;
  for (const seen of records) {
    const since = eventsSince(known, seen);
    told.push(...since.events.map(({ type, data: { daysAhead } }) => `${type}${daysAhead ?? ''}`));
    known = since.announced;
  }
  return told;
}

describe('what is told of a connection', () => {
  it('is nothing while all is well', () => {
    expect(tell([record(), record({ generation: 4 })])).toEqual([]);
  });

  it('is that a person is needed, and that the token is there again', () => {
    const dead = record({ state: 'reauthorization_required' });
    const put = record({ epoch: 2, hasAccessToken: false });
    const issued = record({ epoch: 2, generation: 4 });
    expect(tell([dead, dead, put, issued, issued])).toEqual([
      'token.reauthorization_required',
      // A new grant is no recovery before a token has come of it.
      'connection.authorized',
      'token.recovered',
    ]);
  });

  it('is a risk, and its end', () => {
    expect(tell([record({ state: 'at_risk' }), record()])).toEqual([
      'token.at_risk',
      'token.recovered',
    ]);
    expect(tell([record({ state: 'at_risk' }), record({ state: 'blocked' }), record()])).toEqual([
      'token.at_risk',
      'token.recovered',
    ]);
  });

  it('is each revocation, and each grant that died, of every epoch', () => {
    const states: TokenState[] = ['revoked', 'reauthorization_required'];
    for (const state of states) {
      const [first, second] = [record({ state }), record({ state, epoch: 2 })];
      expect(tell([first, second, second])).toHaveLength(2);
    }
    expect(tell([record({ state: 'revoking' }), record({ state: 'revoked' })])).toEqual([
      'connection.revoked',
    ]);
  });

  it('says what the record says, and nothing secret', () => {
    const { events, announced } = eventsSince(
      { ...START, seq: 7 },
      record({
        state: 'reauthorization_required',
        lastOutcome: { at: NOW, outcome: 'failed', type: 'OAuth.invalid_grant' },
      }),
    );
    expect(events).toEqual([
      {
        seq: 8,
        type: 'token.reauthorization_required',
        time: new Date(NOW).toISOString(),
        data: {
          connectionId: 'superservice',
          state: 'reauthorization_required',
          epoch: 1,
          generation: 3,
          failureType: 'OAuth.invalid_grant',
        },
      },
    ]);
    expect(announced).toMatchObject({ seq: 8, state: 'reauthorization_required' });
  });

  it('has the form of CloudEvents 1.0, with one id however often it is delivered', () => {
    const [event] = eventsSince(START, record({ state: 'at_risk' })).events;
    if (event === undefined) throw new Error('nothing was told');
    const origin = { source: '/tokens', incarnation: 'aB3dE6gH' };
    const whole = tokenEventOf(event, origin);
    expect(whole).toMatchObject({
      specversion: '1.0',
      id: 'superservice/aB3dE6gH.1',
      source: '/tokens',
      subject: 'superservice',
      sequence: '0000000001',
    });
    expect(eventWorkflowId(whole)).toBe('oauth-event/superservice/aB3dE6gH.1');
  });
});

describe('the end of a refresh token', () => {
  const ends = (days: number, lifetimeDays: number | null = 90): EventRecord =>
    record({
      refreshTokenExpiresAt: NOW + days * DAY,
      refreshTokenLifetimeMs: lifetimeDays === null ? null : lifetimeDays * DAY,
    });
  /** The same refresh token as time goes by. */
  const later = (at: EventRecord, days: number): EventRecord => ({ ...at, now: NOW + days * DAY });

  it('is told 30, 7 and 1 days ahead, each once', () => {
    const token = ends(60);
    const days = [0, 29, 31, 40, 52, 54, 55, 58.5, 59.1, 59.5];
    expect(tell(days.map((day) => later(token, day)))).toEqual([
      'refresh_token.expiring30',
      'refresh_token.expiring7',
      'refresh_token.expiring1',
    ]);
  });

  it('skips the notices that nobody was there to give', () => {
    expect(tell([ends(0.5)])).toEqual(['refresh_token.expiring1']);
    expect(tell([ends(-1)])).toEqual(['refresh_token.expiring1']);
  });

  it('is told anew of the next refresh token', () => {
    const token = ends(6);
    expect(tell([token, later(ends(100), 5), later(ends(100), 95)])).toEqual([
      'refresh_token.expiring7',
      'refresh_token.expiring7',
    ]);
  });

  it('is not told of tokens that are renewed long before, however short they live', () => {
    const hourly = Array.from({ length: 100 }, (_, hour) => ({
      ...record({ refreshTokenLifetimeMs: 7 * DAY }),
      now: NOW + hour * HOUR,
      refreshTokenExpiresAt: NOW + hour * HOUR + 7 * DAY,
    }));
    expect(tell(hourly)).toEqual([]);
  });

  it('is told once by a server that counts down to one end inexactly', () => {
    const looks = Array.from({ length: 60 }, (_, n) => ({
      ...ends(7, 30),
      now: NOW + n * HOUR,
      refreshTokenExpiresAt: NOW + 7 * DAY + (n % 7) * 1_000,
    }));
    expect(tell(looks)).toEqual(['refresh_token.expiring7']);
  });

  it('is told by the days of the deployment, and not of a grant that is gone', () => {
    expect(eventsSince(START, ends(9), [10]).events).toHaveLength(1);
    expect(eventsSince(START, ends(9), []).events).toEqual([]);
    const gone = { ...ends(0.5), state: 'reauthorization_required' as const };
    expect(typesOf(START, gone)).toEqual(['token.reauthorization_required']);
  });
});

describe('whatever happens to a record', () => {
  const STATES: TokenState[] = [
    ...(['active', 'at_risk', 'quarantined', 'blocked'] as const),
    ...(['reauthorization_required', 'revoking', 'revoked'] as const),
  ];
  const change = fc.record({
    state: fc.constantFrom(...STATES),
    nextEpoch: fc.boolean(),
    hasAccessToken: fc.boolean(),
    hasRefreshToken: fc.boolean(),
    passes: fc.integer({ min: 0, max: 20 * DAY }),
    end: fc.option(fc.integer({ min: 1, max: 90 }), { freq: 3 }),
    /** Whether somebody looks now. */
    looks: fc.boolean(),
  });

  /** Records as the changes make them, one after the other. */
  function history(changes: (typeof change extends fc.Arbitrary<infer C> ? C : never)[]) {
    let seen = record();
    return changes.map(({ nextEpoch, passes, end, looks, ...rest }) => {
      const now = seen.now + passes;
      seen = { ...seen, ...rest, epoch: seen.epoch + (nextEpoch ? 1 : 0), now };
      if (end !== null) {
        seen = {
          ...seen,
          refreshTokenExpiresAt: now + end * DAY,
          refreshTokenLifetimeMs: 90 * DAY,
        };
      }
      return { seen, looks };
    });
  }

  it('nothing is told twice', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        let announced = START;
        for (const { seen, looks } of history(changes)) {
          if (!looks) continue;
          const since = eventsSince(announced, seen);
          expect(eventsSince(since.announced, seen).events).toEqual([]);
          expect(since.announced.seq).toBe(announced.seq + since.events.length);
          announced = since.announced;
        }
      }),
    );
  });

  it('a receiver knows the last state once somebody has looked', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        let announced = START;
        /** What a receiver makes of the events alone. */
        const heard = { state: 'active', epoch: 1, days: Infinity };
        for (const { seen, looks } of history(changes)) {
          if (!looks) continue;
          const since = eventsSince(announced, seen);
          announced = since.announced;
          for (const { type, data } of since.events) {
            if (type === 'token.recovered') heard.state = 'active';
            else if (type === 'connection.revoked') heard.state = 'revoked';
            else if (type === 'token.at_risk') heard.state = 'at_risk';
            else if (type === 'token.reauthorization_required') heard.state = data.state;
            if (type === 'connection.authorized') heard.epoch = data.epoch;
          }
          const told = ['at_risk', 'reauthorization_required', 'revoked'].includes(seen.state);
          if (told) expect(heard.state).toBe(seen.state);
          if (seen.state === 'active' && seen.hasAccessToken) expect(heard.state).toBe('active');
          const alive = seen.state === 'active' || seen.state === 'at_risk';
          if (alive && seen.hasRefreshToken) expect(announced.epoch).toBe(seen.epoch);
        }
      }),
    );
  });

  it('tells the end of a refresh token before it comes, whoever looks when', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 35, max: 80 }),
        fc.integer({ min: 1, max: 12 }),
        (days, every) => {
          const token = record({
            refreshTokenExpiresAt: NOW + days * DAY,
            refreshTokenLifetimeMs: days * DAY,
          });
          const looks = Array.from({ length: Math.ceil((days * 24) / every) }, (_, n) => ({
            ...token,
            now: NOW + n * every * HOUR,
          }));
          expect(tell(looks)).toEqual(EXPIRY_NOTICE_DAYS.map((n) => `refresh_token.expiring${n}`));
        },
      ),
    );
  });
});
