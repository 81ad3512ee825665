import { describe, expect, it } from 'vitest';
import { decideIssue } from '../../src/contract/decide-issue.js';
import {
  decideOutcome,
  type FailedRequest,
  type RequestFacts,
} from '../../src/contract/decide-outcome.js';
import type { EnsureTokenInput } from '../../src/contract/messages.js';
import {
  candidateLifeMs,
  heldUntil,
  isInGrace,
  MAX_HOLD_MS,
  SETTLE_MS,
  takeoverSettleMs,
  TAKEOVER_SETTLE_MS,
  type RotationProfile,
} from '../../src/contract/rotation-profile.js';
import type { TokenRecord, UnknownOutcome } from '../../src/contract/token-record.js';
import { attempt, expiredRecord, NOW, record, staleRecord } from './records.js';

const GRACE: RotationProfile = { graceMs: 30_000 };
const ASKED: EnsureTokenInput = { epoch: 1, generation: 3, minValidMs: 0, reason: 'expired' };

/** A request that was sent 20 s ago and given up 10 s ago. */
function lost(different: Partial<UnknownOutcome> = {}): UnknownOutcome {
  return {
    attemptId: 'attempt-1',
    sentAt: NOW - 20_000,
    at: NOW - 10_000,
    type: 'OAuth.unreachable',
    mayStillRun: false,
    ...different,
  };
}

const atRisk = (
  base: (different: Partial<TokenRecord>) => TokenRecord,
  unknown: UnknownOutcome[],
  different: Partial<TokenRecord> = {},
): TokenRecord => base({ state: 'at_risk', unknown, ...different });

const decide = (read: TokenRecord, rotation: RotationProfile) =>
  decideIssue(read, ASKED, { grantType: 'refresh_token', rotation });

describe('a grace', () => {
  it('counts from the first request whose outcome is unknown, less a margin to arrive', () => {
    const first = lost({ sentAt: NOW - 27_999 });
    const read = atRisk(expiredRecord, [first, lost({ sentAt: NOW - 1_000 })]);
    expect(isInGrace(read, GRACE)).toBe(true);
    expect(isInGrace({ ...read, now: NOW + 1 }, GRACE)).toBe(false);
  });

  it('counts for the request that a dead owner left', () => {
    const left = attempt({ sentAt: NOW - 25_000 });
    expect(isInGrace(expiredRecord({ attempt: left }), GRACE)).toBe(true);
  });

  it.each<RotationProfile>([null, 'none', 'strict'])('is none with profile %j', (rotation) => {
    expect(isInGrace(atRisk(expiredRecord, [lost()]), rotation)).toBe(false);
  });

  it('bounds how long the refresh token of a sibling is kept', () => {
    expect(candidateLifeMs(GRACE)).toBe(30_000);
    expect(candidateLifeMs(null)).toBe(600_000);
  });
});

describe('a refresh token whose request has no known outcome', () => {
  it('is presented again at once inside the grace, even if the first may still run (R4)', () => {
    const read = atRisk(staleRecord, [lost({ mayStillRun: true })]);
    expect(decide(read, GRACE)).toEqual({ action: 'request' });
  });

  it('is presented again at once where it stays valid (R3)', () => {
    const read = atRisk(staleRecord, [lost({ mayStillRun: true })]);
    expect(decide(read, 'none')).toEqual({ action: 'request' });
  });

  it('is presented again promptly when nothing is declared (R5)', () => {
    expect(decide(atRisk(staleRecord, [lost()]), null)).toEqual({ action: 'request' });
  });

  it.each<RotationProfile>([null, 'strict', { graceMs: 5_000 }])(
    'settles for 30 s first when its request may still run, with profile %j (R6)',
    (rotation) => {
      const read = atRisk(expiredRecord, [lost({ mayStillRun: true })]);
      const until = NOW - 10_000 + SETTLE_MS;
      expect(decide(read, rotation)).toEqual({
        action: 'wait',
        type: 'Token.refresh_in_progress',
        until,
      });
      expect(decide({ ...read, now: until }, rotation)).toEqual({ action: 'request' });
    },
  );

  it('is held while the access token serves a strict server, a minute at a time (R5)', () => {
    const read = atRisk(staleRecord, [lost()]);
    expect(decide(read, 'strict')).toMatchObject({ action: 'wait', until: NOW + MAX_HOLD_MS });
    // Nearly spent: twice the leeway before it expires.
    expect(decide({ ...read, now: NOW + 110_000 }, 'strict')).toMatchObject({
      until: NOW + 120_000,
    });
    expect(decide({ ...read, now: NOW + 120_000 }, 'strict')).toEqual({ action: 'request' });
  });

  it('is held no longer once the access token was refused', () => {
    const invalid = { reason: 'rejected', at: NOW } as const;
    expect(decide(atRisk(staleRecord, [lost()], { invalid }), 'strict')).toEqual({
      action: 'request',
    });
  });

  it('is held while a token without expiry serves', () => {
    const read = atRisk(record, [lost()], { expiresAt: null, refreshAfter: null });
    expect(heldUntil(read, 'strict')).toBe(NOW + MAX_HOLD_MS);
  });

  it('holds back nobody when nothing is unknown', () => {
    expect(heldUntil(staleRecord(), 'strict')).toBe(0);
  });
});

describe('a takeover', () => {
  const takeover = { by: '2@host', at: NOW };
  const dead = attempt({ sentAt: NOW - 20_000, deadline: NOW, takeover });

  it.each<RotationProfile>([null, 'none', GRACE])('settles for a moment with %j', (rotation) => {
    const read = staleRecord({ attempt: dead });
    expect(takeoverSettleMs(read, rotation)).toBe(TAKEOVER_SETTLE_MS);
  });

  it('settles at a strict server while the access token serves, at most a minute (R2)', () => {
    expect(takeoverSettleMs(staleRecord({ attempt: dead }), 'strict')).toBe(60_000);
    expect(takeoverSettleMs(expiredRecord({ attempt: dead }), 'strict')).toBe(TAKEOVER_SETTLE_MS);
    const soon = staleRecord({ attempt: dead, expiresAt: NOW + 70_000 });
    expect(takeoverSettleMs(soon, 'strict')).toBe(10_000);
  });

  it('is followed by the hold, because a left request is one without a known outcome', () => {
    const read = staleRecord({ attempt: dead, now: NOW + 60_000 });
    expect(decide(read, 'strict')).toMatchObject({ action: 'wait', until: NOW + 120_000 });
    expect(decide(read, null)).toEqual({ action: 'request' });
  });
});

describe('the pause after a request without a known outcome', () => {
  const FACTS: RequestFacts = {
    grantType: 'refresh_token',
    usedRefreshToken: true,
    hadUnknown: false,
    rotation: null,
    inGrace: false,
    attempt: 1,
  };
  const reset: FailedRequest = {
    certainty: 'unknown',
    code: 'unreachable',
    retryAfterMs: null,
    mayStillRun: false,
  };
  const timeout = { ...reset, mayStillRun: true };
  const graced: RequestFacts = { ...FACTS, rotation: GRACE, inGrace: true };

  it('is none inside the grace, and a second when the request may still run', () => {
    expect(decideOutcome(reset, graced)).toMatchObject({ retryInMs: 0, resend: true });
    expect(decideOutcome(timeout, graced)).toMatchObject({ retryInMs: 1_000, resend: true });
  });

  it('grows inside the grace, but stays ahead of the backoff', () => {
    const later = { ...graced, hadUnknown: true };
    expect(decideOutcome(reset, { ...later, attempt: 2 }).retryInMs).toBe(2_000);
    expect(decideOutcome(reset, { ...later, attempt: 6 }).retryInMs).toBe(3_750);
    const notSent: FailedRequest = { ...reset, certainty: 'not_sent' };
    expect(decideOutcome(notSent, { ...later, attempt: 6 }).retryInMs).toBe(3_750);
    expect(decideOutcome({ ...reset, retryAfterMs: 20_000 }, later).retryInMs).toBe(20_000);
  });

  it('is the backoff where the refresh token stays valid, and nothing is at risk (R3)', () => {
    const none: RequestFacts = { ...FACTS, rotation: 'none', attempt: 3 };
    for (const request of [reset, timeout]) {
      expect(decideOutcome(request, none)).toMatchObject({
        outcomeUnknown: true,
        state: null,
        resend: false,
        retryInMs: 4_000,
      });
    }
  });

  it.each<RotationProfile>([null, 'strict', GRACE])(
    'is at least 30 s when the request may still run, with profile %j and no grace left',
    (rotation) => {
      const facts = { ...FACTS, rotation };
      expect(decideOutcome(reset, facts)).toMatchObject({ state: 'at_risk', retryInMs: 1_000 });
      expect(decideOutcome(timeout, facts)).toMatchObject({ retryInMs: SETTLE_MS });
      expect(decideOutcome(timeout, { ...facts, attempt: 60 }).retryInMs).toBe(60_000);
    },
  );

  it('never ends in a dead grant by itself, however often', () => {
    for (let count = 1; count <= 100; count += 1) {
      const facts = { ...FACTS, hadUnknown: true, attempt: count };
      expect(decideOutcome(reset, facts).state).toBe('at_risk');
    }
  });
});
