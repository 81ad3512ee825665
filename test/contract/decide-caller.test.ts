import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deadDecision, decideForCaller } from '../../src/contract/decide-caller.js';
import { isFailureType } from '../../src/contract/failure-types.js';
import { leewayMs, refreshAheadMs } from '../../src/contract/freshness.js';
import type { TokenRecord } from '../../src/contract/token-record.js';
import { expiredRecord, failedRecord, newRecord, NOW, record, staleRecord } from './records.js';

const rejected = { reason: 'rejected', at: NOW - 1_000 } as const;

describe("the record | its caller gets (contract §3's table)", () => {
  it('`active`, token usable | the token', () => {
    expect(decideForCaller(record(), 0)).toEqual({ action: 'serve', nudge: false });
  });

  it('`at_risk`, token usable | the token', () => {
    expect(decideForCaller(record({ state: 'at_risk' }), 0).action).toBe('serve');
  });

  it("`active`, unusable | what the lifecycle's update brings", () => {
    expect(decideForCaller(expiredRecord(), 0)).toEqual({ action: 'ask', reason: 'expired' });
    expect(decideForCaller(newRecord(), 0)).toEqual({ action: 'ask', reason: 'missing' });
  });

  it('`at_risk`, unusable, next attempt ahead | `Token.refresh_in_progress`, retried', () => {
    expect(decideForCaller(failedRecord('OAuth.unreachable', { state: 'at_risk' }), 0)).toEqual({
      action: 'wait',
      type: 'Token.refresh_in_progress',
      retryAt: NOW + 40_000,
    });
  });

  it('a failed attempt, `retryAt` ahead | the recorded type, retried; Temporal is not asked', () => {
    expect(decideForCaller(failedRecord('OAuth.server_error'), 0)).toEqual({
      action: 'wait',
      type: 'OAuth.server_error',
      retryAt: NOW + 40_000,
    });
  });

  it('a failed attempt, `retryAt` passed | asks again', () => {
    const passed = failedRecord('OAuth.server_error', { retryAt: NOW });
    expect(decideForCaller(passed, 0)).toEqual({ action: 'ask', reason: 'expired' });
  });

  it('`quarantined` | `OAuth.malformed_response`, final', () => {
    expect(decideForCaller(record({ state: 'quarantined' }), 0)).toEqual({
      action: 'fail',
      type: 'OAuth.malformed_response',
    });
  });

  it('`blocked` | the recorded `OAuth.<code>`, final', () => {
    const lastOutcome = { at: NOW, outcome: 'failed', type: 'OAuth.invalid_client' } as const;
    expect(decideForCaller(record({ state: 'blocked', lastOutcome }), 0)).toEqual({
      action: 'fail',
      type: 'OAuth.invalid_client',
    });
  });

  it('`reauthorization_required` | `Token.reauthorization_required`, final', () => {
    const lastOutcome = { at: NOW, outcome: 'failed', type: 'OAuth.invalid_grant' } as const;
    expect(decideForCaller(record({ state: 'reauthorization_required', lastOutcome }), 0)).toEqual({
      action: 'fail',
      type: 'Token.reauthorization_required',
    });
  });

  it.each(['revoking', 'revoked'] as const)('`%s` | `Token.revoked`, final', (state) => {
    expect(decideForCaller(record({ state }), 0)).toEqual({
      action: 'fail',
      type: 'Token.revoked',
    });
  });

  it('newest generation refused by the API, next request not allowed yet | `Token.rejected`, retried', () => {
    const rejections = { inARow: 2, generation: 3, requestedAt: NOW - 10_000 };
    expect(decideForCaller(record({ invalid: rejected, failures: 1, rejections }), 0)).toEqual({
      action: 'wait',
      type: 'Token.rejected',
      retryAt: NOW + 20_000,
    });
  });
});

describe('the token a caller is served', () => {
  it('comes with a nudge when a refresh is due', () => {
    expect(decideForCaller(staleRecord(), 0)).toEqual({ action: 'serve', nudge: true });
  });

  it('comes without a nudge before `retryAt`', () => {
    expect(decideForCaller(staleRecord({ retryAt: NOW + 1 }), 0)).toEqual({
      action: 'serve',
      nudge: false,
    });
  });

  it('is not one that the caller saw refused', () => {
    expect(decideForCaller(record(), 0, 3)).toEqual({ action: 'ask', reason: 'rejected' });
  });

  it('may be a newer one than the caller saw refused', () => {
    expect(decideForCaller(record(), 0, 2).action).toBe('serve');
  });

  it('may be an older one than the caller saw refused: then the database was restored', () => {
    expect(decideForCaller(record(), 0, 9).action).toBe('serve');
  });

  it('is not one marked invalid, for whatever reason', () => {
    const invalid = { reason: 'configuration_changed', at: NOW } as const;
    expect(decideForCaller(record({ invalid }), 0).action).toBe('ask');
  });

  it('is valid for as long as the caller needs it', () => {
    expect(decideForCaller(record(), 59 * 60_000).action).toBe('serve');
    expect(decideForCaller(staleRecord(), 30 * 60_000)).toEqual({
      action: 'ask',
      reason: 'min_valid',
    });
  });

  it('cannot be valid for longer than the server ever gives: `Token.lifetime_too_short`', () => {
    expect(decideForCaller(record(), 60 * 60_000 + 1)).toEqual({
      action: 'fail',
      type: 'Token.lifetime_too_short',
    });
  });

  it('is not asked for in a loop when it is expired as it arrives', () => {
    const atOnce = { lifetimeMs: 0, issuedAt: NOW - 1_000, expiresAt: NOW - 1_000 };
    const arrived = record({ ...atOnce, refreshAfter: NOW - 1_000 });
    expect(decideForCaller(arrived, 0)).toEqual({
      action: 'fail',
      type: 'Token.lifetime_too_short',
    });
    const later = { ...arrived, now: NOW + 120_000 };
    expect(decideForCaller(later, 0)).toEqual({ action: 'ask', reason: 'expired' });
  });
});

describe('a caller', () => {
  const times = fc.integer({ min: -7_200_000, max: 7_200_000 });
  const anyRecord = fc
    .record({
      lifetimeMs: fc.option(fc.integer({ min: 0, max: 7_200_000 })),
      age: fc.nat(14_400_000),
      drawn: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      state: fc.constantFrom(
        ...(['active', 'at_risk', 'quarantined', 'blocked'] as const),
        ...(['reauthorization_required', 'revoking', 'revoked'] as const),
      ),
      retryIn: fc.option(times),
      type: fc.option(fc.constantFrom('OAuth.server_error', 'OAuth.rate_limited')),
      invalid: fc.option(fc.constantFrom('rejected', 'configuration_changed', 'quarantined')),
      rejections: fc.option(
        fc.record({
          inARow: fc.integer({ min: 1, max: 60 }),
          generation: fc.constant(3),
          requestedAt: fc.option(times.map((ms) => NOW - Math.abs(ms))),
        }),
      ),
      hasAccessToken: fc.boolean(),
    })
    .map(({ lifetimeMs, age, drawn, state, retryIn, type, ...rest }): TokenRecord => {
      const issuedAt = NOW - age;
      const expiresAt = lifetimeMs === null ? null : issuedAt + lifetimeMs;
      return record({
        ...{ issuedAt, expiresAt, lifetimeMs, state },
        refreshAfter:
          expiresAt === null ? null : expiresAt - refreshAheadMs(lifetimeMs ?? 0, drawn),
        retryAt: retryIn === null ? null : NOW + retryIn,
        lastOutcome: { at: issuedAt, outcome: type === null ? 'issued' : 'failed', type },
        ...{ hasAccessToken: rest.hasAccessToken, rejections: rest.rejections },
        invalid: rest.invalid === null ? null : { reason: rest.invalid, at: NOW },
      });
    });

  it('is never served a token past its expiry minus leeway, nor for less than it needs', () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(7_200_000), (read, minValidMs) => {
        if (decideForCaller(read, minValidMs).action !== 'serve') return;
        expect(read.hasAccessToken).toBe(true);
        expect(read.invalid).toBeNull();
        if (read.expiresAt === null) return;
        expect(read.expiresAt - read.now).toBeGreaterThan(leewayMs(read.lifetimeMs ?? 0));
        expect(read.expiresAt - read.now).toBeGreaterThanOrEqual(minValidMs);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is never told to come back in the past', () => {
    fc.assert(
      fc.property(anyRecord, (read) => {
        const decision = decideForCaller(read, 0);
        if (decision.action !== 'wait' || decision.retryAt === null) return;
        expect(decision.retryAt).toBeGreaterThan(read.now);
      }),
      { numRuns: 1_000 },
    );
  });

  it('fails with a type of the table only, and finally only when the record says so', () => {
    fc.assert(
      fc.property(anyRecord, (read) => {
        const decision = decideForCaller(read, 0);
        if (decision.action === 'wait' || decision.action === 'fail') {
          expect(isFailureType(decision.type)).toBe(true);
        }
        if (deadDecision(read) !== null) expect(decision.action).toBe('fail');
      }),
      { numRuns: 1_000 },
    );
  });

  it('of a usable, living record is always served, whatever failed since', () => {
    fc.assert(
      fc.property(fc.nat(30 * 60_000), fc.boolean(), (retryIn, atRisk) => {
        const state = atRisk ? 'at_risk' : 'active';
        const lastOutcome = { at: NOW, outcome: 'failed', type: 'OAuth.server_error' } as const;
        const read = record({ state, retryAt: NOW + retryIn, failures: 9, lastOutcome });
        expect(decideForCaller(read, 0)).toEqual({ action: 'serve', nudge: false });
      }),
    );
  });
});
