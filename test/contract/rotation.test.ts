import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FailedRequest } from '../../src/contract/decide-outcome.js';
import { nextRotationStep, startRotation } from '../../src/contract/rotation.js';
import type { RotationProfile } from '../../src/contract/rotation-profile.js';
import type {
  RotationEffect,
  RotationEvent,
  RotationFacts,
  RotationStep,
} from '../../src/contract/rotation-steps.js';
import type { TokenRecord } from '../../src/contract/token-record.js';
import { attempt, expiredRecord, NOW, record, staleRecord } from './records.js';

const FACTS: RotationFacts = {
  input: { epoch: 1, generation: 3, minValidMs: 0, reason: 'expired' },
  grantType: 'refresh_token',
  rotation: null,
  attempt: 1,
};

const refused = (code: string): FailedRequest => ({
  certainty: 'rejected',
  code,
  retryAfterMs: null,
  mayStillRun: false,
});
const RESET: FailedRequest = { ...refused('unreachable'), certainty: 'unknown' };

/** Runs the machine over events and returns the effects it asked for. */
function run(events: RotationEvent[], facts: RotationFacts = FACTS): RotationEffect[] {
  let step = startRotation();
  const effects = [step.effect];
  for (const event of events) {
    step = nextRotationStep(step.state, event, facts);
    effects.push(step.effect);
  }
  return effects;
}

const SENT: RotationEvent[] = [
  { type: 'read', record: expiredRecord() },
  { type: 'planned', usesRefreshToken: true, fallbacks: 0 },
  { type: 'intent', written: true, late: false },
];
const ENDED: RotationEvent = { type: 'ended', recorded: true };

describe('a lost answer', () => {
  const events: RotationEvent[] = [...SENT, { type: 'failed', request: RESET }, ENDED];

  it('is a failure that says when to ask again, where no grace is declared', () => {
    expect(run(events).at(-1)).toEqual({
      do: 'fail',
      type: 'OAuth.unreachable',
      final: false,
      retryInMs: 1_000,
    });
  });

  it('is asked for again in the same run inside the grace, once', () => {
    const facts = { ...FACTS, rotation: { graceMs: 30_000 } };
    const again = run(events, facts);
    expect(again.at(-1)).toEqual({ do: 'read' });
    const twice = run([...events, ...SENT, { type: 'failed', request: RESET }, ENDED], facts);
    expect(twice.at(-1)).toMatchObject({ do: 'fail', final: false });
  });
});

describe('a refused refresh token', () => {
  const planned: RotationEvent = { type: 'planned', usesRefreshToken: true, fallbacks: 2 };
  const sent: RotationEvent[] = SENT.map((event) => (event.type === 'planned' ? planned : event));
  const no: RotationEvent = { type: 'failed', request: refused('invalid_grant') };

  it("is followed by each sibling's before anybody is asked to authorize anew (R8)", () => {
    expect(run([...sent, no]).at(-1)).toEqual({ do: 'send', request: 1 });
    expect(run([...sent, no, no]).at(-1)).toEqual({ do: 'send', request: 2 });
    expect(run([...sent, no, no, no]).at(-1)).toMatchObject({
      do: 'end_attempt',
      end: { outcome: { state: 'reauthorization_required', reason: 'lost_rotation' } },
    });
    expect(run([...sent, no, { type: 'captured' }]).at(-1)).toMatchObject({
      do: 'commit',
      request: 1,
    });
  });

  it('is not followed by one when the client itself is refused', () => {
    const client: RotationEvent = { type: 'failed', request: refused('invalid_client') };
    expect(run([...sent, client]).at(-1)).toMatchObject({ do: 'end_attempt' });
  });

  it('is told apart: revoked or expired, or lost in a rotation', () => {
    expect(run([...SENT, no]).at(-1)).toMatchObject({
      end: { outcome: { reason: 'revoked_or_expired' } },
    });
    const takeover = { by: 'x', at: NOW - 10_000 };
    const left = attempt({ sentAt: NOW - 40_000, deadline: NOW - 20_000, takeover });
    const taken = SENT.map((event): RotationEvent =>
      event.type === 'read' ? { ...event, record: expiredRecord({ attempt: left }) } : event,
    );
    expect(run([...taken, no]).at(-1)).toMatchObject({
      end: { outcome: { reason: 'lost_rotation' } },
    });
  });
});

describe('siblings', () => {
  it('replace each other until the later one stays (R8)', () => {
    const older = (generation: number): RotationEvent => ({
      ...{ type: 'committed', result: 'older_sibling', generation },
    });
    const effects = run([...SENT, { type: 'captured' }, older(4), older(5)]);
    expect(effects.slice(-2)).toMatchObject([
      { do: 'commit_sibling', generation: 4 },
      { do: 'commit_sibling', generation: 5 },
    ]);
  });
});

describe('whatever happens', () => {
  const anyRotation = fc.constantFrom<RotationProfile>(null, 'none', 'strict', { graceMs: 30_000 });
  const grantType = fc.constantFrom('client_credentials' as const, 'refresh_token' as const);
  const facts = fc.record({
    input: fc.constant(FACTS.input),
    grantType,
    rotation: anyRotation,
    attempt: fc.integer({ min: 1, max: 1_000 }),
  });
  const lost = {
    ...{ attemptId: 'a', sentAt: NOW - 20_000, at: NOW - 10_000, type: 'OAuth.unreachable' },
  };
  const anyRecord = fc
    .record({
      base: fc.constantFrom(record(), expiredRecord(), staleRecord()),
      state: fc.constantFrom<TokenRecord['state']>('active', 'at_risk', 'blocked', 'revoked'),
      attempt: fc.option(
        fc
          .record({ deadline: fc.integer({ min: -60_000, max: 60_000 }), announced: fc.boolean() })
          .map(({ deadline, announced }) =>
            attempt({
              deadline: NOW + deadline,
              takeover: announced ? { by: 'x', at: NOW - 70_000 } : null,
            }),
          ),
      ),
      unknown: fc.array(
        fc.boolean().map((mayStillRun) => ({ ...lost, mayStillRun })),
        { maxLength: 2 },
      ),
      retryAt: fc.option(fc.integer({ min: NOW - 60_000, max: NOW + 60_000 })),
    })
    .map(({ base, ...different }): TokenRecord => ({ ...base, ...different }));
  const anyFailure = fc.record({
    certainty: fc.constantFrom<FailedRequest['certainty']>(
      ...(['not_sent', 'rejected', 'rejected_for_now', 'unknown'] as const),
    ),
    code: fc.constantFrom('invalid_grant', 'invalid_client', 'server_error', 'unreachable'),
    retryAfterMs: fc.option(fc.nat(60_000)),
    mayStillRun: fc.boolean(),
  });
  const anyEvent: fc.Arbitrary<RotationEvent> = fc.oneof(
    fc.option(anyRecord).map((read): RotationEvent => ({ type: 'read', record: read })),
    fc.constant<RotationEvent>({ type: 'waited' }),
    fc.constant<RotationEvent>({ type: 'takeover_announced' }),
    fc.record({
      type: fc.constant('planned' as const),
      usesRefreshToken: fc.boolean(),
      fallbacks: fc.nat(2),
    }),
    fc.record({
      type: fc.constant('not_planned' as const),
      failureType: fc.constant('Store.key_unavailable' as const),
      final: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('intent' as const),
      written: fc.boolean(),
      late: fc.boolean(),
    }),
    fc.constant<RotationEvent>({ type: 'captured' }),
    anyFailure.map((request): RotationEvent => ({ type: 'failed', request })),
    fc.constantFrom<RotationEvent>(
      { type: 'committed', result: 'mine' },
      { type: 'committed', result: 'moved' },
      { type: 'committed', result: 'older_sibling', generation: 4 },
    ),
    fc.boolean().map((recorded): RotationEvent => ({ type: 'ended', recorded })),
  );

  it('an event in an impossible order is a TypeError, or a step like any other', () => {
    fc.assert(
      fc.property(facts, fc.array(anyEvent, { maxLength: 12 }), (about, events) => {
        let step = startRotation();
        for (const event of events) {
          try {
            step = nextRotationStep(step.state, event, about);
          } catch (error) {
            expect(error).toBeInstanceOf(TypeError);
            return;
          }
          expect(step.effect.do).toEqual(expect.any(String));
        }
      }),
      { numRuns: 500 },
    );
  });

  /** Which events may follow an effect; undefined: it is the end. */
  const ANSWERS: Record<RotationEffect['do'], RotationEvent['type'][] | undefined> = {
    read: ['read'],
    wait: ['waited'],
    plan: ['planned', 'not_planned'],
    announce_takeover: ['takeover_announced'],
    write_intent: ['intent'],
    send: ['captured', 'failed'],
    commit: ['committed'],
    commit_sibling: ['committed'],
    end_attempt: ['ended'],
    return: undefined,
    fail: undefined,
  };
  /** What a world answers that does what it is asked to. */
  const GOOD: Record<string, RotationEvent> = {
    read: { type: 'read', record: expiredRecord() },
    wait: { type: 'waited' },
    plan: { type: 'planned', usesRefreshToken: true, fallbacks: 0 },
    announce_takeover: { type: 'takeover_announced' },
    write_intent: { type: 'intent', written: true, late: false },
    send: { type: 'captured' },
    commit: { type: 'committed', result: 'mine' },
    commit_sibling: { type: 'committed', result: 'mine' },
    end_attempt: { type: 'ended', recorded: true },
  };

  /** The end is near from wherever it got to. */
  function finish(from: RotationStep, about: RotationFacts): number {
    let step = from;
    for (let steps = 0; steps <= 10; steps += 1) {
      const answer = GOOD[step.effect.do];
      if (answer === undefined) return steps;
      step = nextRotationStep(step.state, answer, about);
    }
    throw new Error(`no end in sight: ${step.effect.do}`);
  }

  const walk = fc.array(anyEvent, { maxLength: 60 });

  it('what follows from each effect never throws, and the end is at most ten good steps away', () => {
    let ends = 0;
    fc.assert(
      fc.property(facts, walk, (about, events) => {
        let step = startRotation();
        for (const event of events) {
          const possible = ANSWERS[step.effect.do];
          if (possible === undefined) {
            ends += 1;
            return;
          }
          if (possible.includes(event.type)) step = nextRotationStep(step.state, event, about);
        }
        expect(finish(step, about)).toBeLessThanOrEqual(10);
      }),
      { numRuns: 1_000 },
    );
    expect(ends).toBeGreaterThan(50);
  });

  it('no effect or state holds what could be a token', () => {
    fc.assert(
      fc.property(facts, walk, (about, events) => {
        let step = startRotation();
        for (const event of events) {
          if (!(ANSWERS[step.effect.do] ?? []).includes(event.type)) continue;
          step = nextRotationStep(step.state, event, about);
          const texts = JSON.stringify(step).match(/"[^"]*"/g) ?? [];
          // Every text is a name of ours, an id or a scope, and none is long.
          for (const text of texts) expect(text).toMatch(/^"[A-Za-z0-9_.@ -]{0,32}"$/);
        }
      }),
    );
  });
});

describe('a grant without a refresh token', () => {
  const facts: RotationFacts = { ...FACTS, grantType: 'authorization_code' };
  const bare = expiredRecord({ hasRefreshToken: false });

  it('is written down as one that needs a person, without a request', () => {
    const effects = run([{ type: 'read', record: bare }, ENDED], facts);
    expect(effects[1]).toMatchObject({
      do: 'end_attempt',
      end: {
        hasIntent: false,
        outcome: { state: 'reauthorization_required', reason: 'no_refresh_token' },
      },
    });
    expect(effects[2]).toEqual({
      do: 'fail',
      type: 'Token.reauthorization_required',
      final: true,
      retryInMs: null,
    });
  });

  it('leaves a token that serves as it is, and its failure is for this asker alone', () => {
    const forced: RotationFacts = { ...facts, input: { ...facts.input, reason: 'forced' } };
    const serving = record({ hasRefreshToken: false });
    const effects = run([{ type: 'read', record: serving }, ENDED], forced);
    expect(effects[1]).toMatchObject({
      do: 'end_attempt',
      end: { hasIntent: false, outcome: { state: null, reason: null } },
    });
    expect(effects[2]).toMatchObject({ type: 'Token.reauthorization_required', final: true });
  });

  it('is looked at again when somebody consented meanwhile', () => {
    const effects = run(
      [
        { type: 'read', record: bare },
        { type: 'ended', recorded: false },
        { type: 'read', record: record({ epoch: 2 }) },
      ],
      facts,
    );
    expect(effects.slice(2)).toEqual([{ do: 'read' }, { do: 'return', outcome: 'current' }]);
  });
});
