import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  callerFailureType,
  decideOutcome,
  type FailedRequest,
  type RequestFacts,
} from '../../src/contract/decide-outcome.js';
import type { RotationProfile } from '../../src/contract/rotation-profile.js';
import { FAILURES } from '../../src/contract/failure-types.js';

type Certainty = FailedRequest['certainty'];

const CLIENT: RequestFacts = {
  grantType: 'client_credentials',
  usedRefreshToken: false,
  hadUnknown: false,
  rotation: null,
  inGrace: false,
  attempt: 1,
};
const GRANT: RequestFacts = { ...CLIENT, grantType: 'refresh_token', usedRefreshToken: true };
/** Client credentials with the refresh token that a server added to its answer. */
const SPARE: RequestFacts = { ...CLIENT, usedRefreshToken: true };

const decide = (certainty: Certainty, code: string, facts: RequestFacts) =>
  decideOutcome({ certainty, code, retryAfterMs: null, mayStillRun: false }, facts);

describe('what a failed token request becomes', () => {
  const RETRIED = [
    ['not_sent', 'unreachable', 'OAuth.unreachable'],
    ['unknown', 'unreachable', 'OAuth.unreachable'],
    ['unknown', 'server_error', 'OAuth.server_error'],
    ['unknown', 'malformed_response', 'OAuth.malformed_response'],
    ['rejected_for_now', 'server_error', 'OAuth.server_error'],
    ['rejected_for_now', 'rate_limited', 'OAuth.rate_limited'],
    ['rejected', 'malformed_response', 'OAuth.malformed_response'],
  ] as const;

  it.each(RETRIED)('%s, %s: %s, retried with client credentials', (certainty, code, type) => {
    expect(decide(certainty, code, CLIENT)).toEqual({
      type,
      outcomeUnknown: false,
      mayStillRun: false,
      resend: false,
      state: null,
      retryInMs: 1_000,
      reason: null,
      dropGrant: false,
      tryClientCredentials: false,
    });
  });

  it.each(RETRIED)('%s, %s: %s, retried with a refresh token', (certainty, code, type) => {
    const unknown = certainty === 'unknown';
    expect(decide(certainty, code, GRANT)).toMatchObject({
      type,
      retryInMs: 1_000,
      outcomeUnknown: unknown,
      state: unknown ? 'at_risk' : null,
      dropGrant: false,
    });
  });

  it.each([
    'invalid_request',
    'invalid_client',
    'unauthorized_client',
    'unsupported_grant_type',
    'invalid_scope',
    'invalid_target',
  ])('rejected, %s: blocked, with either grant', (code) => {
    for (const facts of [CLIENT, GRANT]) {
      expect(decide('rejected', code, facts)).toMatchObject({
        type: `OAuth.${code}`,
        state: 'blocked',
        retryInMs: null,
      });
    }
  });

  it('rejected with a code that no RFC knows: `OAuth.other`, blocked, not a dead grant', () => {
    expect(decide('rejected', 'other', GRANT)).toMatchObject({
      type: 'OAuth.other',
      state: 'blocked',
    });
  });

  it.each(['invalid_grant', 'interaction_required', 'login_required', 'consent_required'])(
    'rejected, %s, of a refresh token: a person is needed',
    (code) => {
      const outcome = decide('rejected', code, GRANT);
      expect(outcome).toMatchObject({
        type: `OAuth.${code}`,
        state: 'reauthorization_required',
        reason: 'revoked_or_expired',
        retryInMs: null,
      });
      expect(callerFailureType(outcome)).toBe('Token.reauthorization_required');
    },
  );

  it('rejected, invalid_grant, after an unknown outcome: the rotation was lost', () => {
    expect(decide('rejected', 'invalid_grant', { ...GRANT, hadUnknown: true }).reason).toBe(
      'lost_rotation',
    );
  });

  it('rejected, invalid_grant, of client credentials: blocked, because no person is behind them', () => {
    expect(decide('rejected', 'invalid_grant', CLIENT)).toMatchObject({
      type: 'OAuth.invalid_grant',
      state: 'blocked',
    });
  });

  it('a network policy that refuses the token endpoint: final, and the record stays', () => {
    expect(decide('not_sent', 'network_not_allowed', GRANT)).toMatchObject({
      type: 'Policy.network_not_allowed',
      state: null,
      retryInMs: null,
    });
  });

  it.each(['slow_down', 'authorization_pending'])(
    'rejected for now, %s: `OAuth.rate_limited`, retried, because it asks for a pause only',
    (code) => {
      expect(decide('rejected_for_now', code, CLIENT)).toMatchObject({
        type: 'OAuth.rate_limited',
        state: null,
        retryInMs: 1_000,
      });
    },
  );
});

describe('a refresh token that client credentials brought along', () => {
  it.each(['invalid_grant', 'unauthorized_client', 'invalid_scope', 'other'])(
    'is forgotten when it is refused (%s), and client credentials are used at once',
    (code) => {
      expect(decide('rejected', code, SPARE)).toMatchObject({
        state: null,
        dropGrant: true,
        tryClientCredentials: true,
      });
    },
  );

  it('does not help a client that is refused itself', () => {
    expect(decide('rejected', 'invalid_client', SPARE)).toMatchObject({
      state: 'blocked',
      tryClientCredentials: false,
    });
  });

  it('is not used again after an unknown outcome, and puts nothing at risk', () => {
    expect(decide('unknown', 'unreachable', SPARE)).toMatchObject({
      outcomeUnknown: true,
      state: null,
      dropGrant: true,
      retryInMs: 1_000,
    });
  });
});

describe('the pause before the next attempt', () => {
  it('doubles with each failure in a row and obeys Retry-After', () => {
    const third = { ...CLIENT, attempt: 3 };
    expect(decide('unknown', 'server_error', third).retryInMs).toBe(4_000);
    const limited = {
      certainty: 'rejected_for_now',
      code: 'rate_limited',
      mayStillRun: false,
    } as const;
    expect(decideOutcome({ ...limited, retryAfterMs: 90_000 }, third).retryInMs).toBe(90_000);
  });
});

const anyRotation = fc.constantFrom<RotationProfile>(null, 'none', 'strict', { graceMs: 30_000 });

describe('whatever a server does', () => {
  const request = fc.record({
    certainty: fc.constantFrom<Certainty>('not_sent', 'rejected', 'rejected_for_now', 'unknown'),
    code: fc.constantFrom(
      ...['invalid_grant', 'invalid_client', 'invalid_token', 'slow_down', 'other'],
      ...['rate_limited', 'server_error', 'unreachable', 'malformed_response'],
    ),
    retryAfterMs: fc.option(fc.nat(86_400_000)),
    mayStillRun: fc.boolean(),
  });
  const facts = fc.record({
    grantType: fc.constantFrom('client_credentials' as const, 'refresh_token' as const),
    usedRefreshToken: fc.boolean(),
    hadUnknown: fc.boolean(),
    rotation: anyRotation,
    inGrace: fc.boolean(),
    attempt: fc.integer({ min: 1, max: 10_000 }),
  });

  it('an outcome that is unknown, or a refusal for now, never kills or blocks a connection', () => {
    fc.assert(
      fc.property(request, facts, (failed, about) => {
        const outcome = decideOutcome(failed, about);
        if (failed.certainty === 'rejected') return;
        expect(outcome.state === null || outcome.state === 'at_risk').toBe(true);
        const least = outcome.resend ? 0 : 1_000;
        expect(outcome.retryInMs).toBeGreaterThanOrEqual(failed.retryAfterMs ?? least);
      }),
    );
  });

  it('it is retried exactly when its type is retried', () => {
    fc.assert(
      fc.property(request, facts, (failed, about) => {
        const outcome = decideOutcome(failed, about);
        if (outcome.tryClientCredentials) return;
        expect(FAILURES[outcome.type].final).toBe(outcome.retryInMs === null);
      }),
    );
  });

  it('an unknown outcome is remembered only where a refresh token may have been replaced', () => {
    fc.assert(
      fc.property(request, facts, (failed, about) => {
        const { outcomeUnknown } = decideOutcome(failed, about);
        if (outcomeUnknown)
          expect(about.usedRefreshToken && failed.certainty === 'unknown').toBe(true);
      }),
    );
  });
});
