import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuthorizationRecord } from '../../src/contract/authorization-record.js';
import { decideRedemption, maySend } from '../../src/contract/decide-redemption.js';
import type { FailedRequest } from '../../src/contract/decide-outcome.js';
import { mayShareGrant } from '../../src/contract/shared-grant.js';

const CODE: AuthorizationRecord = {
  ...{ authorizationId: 'a', connectionId: 'c', incarnation: 'i', kind: 'authorization_code' },
  ...{ phase: 'redeeming', acceptNewSubject: false, userCode: null, verificationUri: null },
  ...{ verificationUriComplete: null, intervalMs: 0, pollAfter: null, receivedAt: 0 },
  ...{ attempt: null, unknown: 0, createdAt: 0, expiresAt: 600_000, outcome: null, now: 1_000 },
};
const DEVICE: AuthorizationRecord = {
  ...{ ...CODE, kind: 'device_code', intervalMs: 5_000, pollAfter: 0, receivedAt: null },
};

const failed = (
  code: string,
  certainty: FailedRequest['certainty'] = 'rejected',
  retryAfterMs: number | null = null,
): FailedRequest => ({ code, certainty, retryAfterMs, mayStillRun: false });

describe('a code', () => {
  it('is sent once, and once more only while it is younger than a minute', () => {
    expect(maySend(CODE, 0)).toBe(true);
    expect(maySend(CODE, 1)).toBe(true);
    expect(maySend({ ...CODE, now: 60_000 }, 1)).toBe(false);
    expect(maySend(CODE, 2)).toBe(false);
  });

  it('that the server refuses ends with its code', () => {
    const decision = decideRedemption(failed('invalid_client'), CODE, 1);
    expect(decision).toEqual({ action: 'end', type: 'OAuth.invalid_client' });
  });

  it('that is refused after a lost answer was spent by it', () => {
    const decision = decideRedemption(failed('invalid_grant'), { ...CODE, unknown: 1 }, 2);
    expect(decision).toEqual({ action: 'end', type: 'Authorization.lost' });
  });

  it('that was not taken for now is sent again when the server says so, for ten minutes', () => {
    const busy = failed('rate_limited', 'rejected_for_now', 7_000);
    expect(decideRedemption(busy, CODE, 1)).toMatchObject({
      action: 'release',
      release: { unknown: 0, failure: { type: 'OAuth.rate_limited', retryInMs: 7_000 } },
    });
    const old = { ...CODE, now: 600_001 };
    expect(decideRedemption(busy, old, 1)).toEqual({
      action: 'end',
      type: 'Authorization.expired',
    });
  });

  it('is left to other workers when this one may not reach the server', () => {
    const decision = decideRedemption(failed('network_not_allowed', 'not_sent'), CODE, 1);
    expect(decision).toMatchObject({
      release: { failure: { type: 'Policy.network_not_allowed' } },
    });
  });
});

describe('a poll (RFC 8628 §3.5)', () => {
  const release = (request: FailedRequest, record = DEVICE) => {
    const decision = decideRedemption(request, record, 1);
    return decision.action === 'release' ? decision.release : null;
  };

  it('that is early keeps the interval; slow_down adds five seconds to it', () => {
    const pending = failed('authorization_pending', 'rejected_for_now');
    expect(release(pending)).toMatchObject({ intervalMs: 5_000, pollInMs: 5_000, failure: null });
    const slower = failed('slow_down', 'rejected_for_now');
    expect(release(slower)).toMatchObject({ intervalMs: 10_000, pollInMs: 10_000 });
  });

  it('that was answered shows that earlier ones brought nothing', () => {
    const pending = failed('authorization_pending', 'rejected_for_now');
    expect(release(pending, { ...DEVICE, unknown: 3 })?.unknown).toBe(0);
  });

  it('without an answer doubles the pause, up to a minute', () => {
    const lost = failed('unreachable', 'unknown');
    expect(release(lost)).toMatchObject({ intervalMs: 10_000, unknown: 1 });
    expect(release(lost, { ...DEVICE, intervalMs: 50_000 })?.intervalMs).toBe(60_000);
    expect(release(lost, { ...DEVICE, intervalMs: 90_000 })?.intervalMs).toBe(90_000);
  });

  it('that is limited waits as long as the server asks', () => {
    const limited = failed('rate_limited', 'rejected_for_now', 30_000);
    expect(release(limited)).toMatchObject({ intervalMs: 5_000, pollInMs: 30_000 });
  });

  it.each([
    ['access_denied', 0, 'Authorization.denied'],
    ['expired_token', 0, 'Authorization.expired'],
    ['expired_token', 1, 'Authorization.lost'],
    ['invalid_grant', 1, 'Authorization.lost'],
    ['invalid_client', 1, 'OAuth.invalid_client'],
  ] as const)('ends with %s (%i unknown): %s', (code, unknown, type) => {
    const decision = decideRedemption(failed(code), { ...DEVICE, unknown }, 1);
    expect(decision).toEqual({ action: 'end', type });
  });

  it('never comes sooner than the interval, whatever happened', () => {
    const certainty = fc.constantFrom('not_sent', 'rejected_for_now', 'unknown');
    const code = fc.constantFrom('slow_down', 'authorization_pending', 'server_error', 'other');
    fc.assert(
      fc.property(certainty, code, fc.nat(120_000), (sure, error, intervalMs) => {
        const released = release(failed(error, sure), { ...DEVICE, intervalMs });
        expect(released?.intervalMs).toBeGreaterThanOrEqual(intervalMs);
        expect(released?.pollInMs).toBeGreaterThanOrEqual(intervalMs);
      }),
    );
  });
});

describe('two consents', () => {
  it('may be one grant unless they are known to be of two persons', () => {
    expect(mayShareGrant('alice', 'bob')).toBe(false);
    expect(mayShareGrant('alice', 'alice')).toBe(true);
    expect(mayShareGrant(null, 'bob')).toBe(true);
    expect(mayShareGrant('alice', null)).toBe(true);
  });
});
