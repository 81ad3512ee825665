import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideIssue,
  REPEATABLE_TAKEOVER_MS,
  type IssuedGrant,
} from '../../src/contract/decide-issue.js';
import { TAKEOVER_SETTLE_MS } from '../../src/contract/rotation-profile.js';
import type { EnsureReason, EnsureTokenInput } from '../../src/contract/messages.js';
import {
  attempt,
  expiredRecord,
  failedRecord,
  newRecord,
  NOW,
  record,
  staleRecord,
} from './records.js';

const ROTATING: IssuedGrant = { grantType: 'refresh_token', rotation: null };
const REPEATABLE: IssuedGrant = { grantType: 'client_credentials', rotation: null };

/** What somebody asks who saw generation 3 of epoch 1. */
function asked(reason: EnsureReason, different: Partial<EnsureTokenInput> = {}): EnsureTokenInput {
  return { epoch: 1, generation: 3, minValidMs: 0, reason, ...different };
}

const rejected = { reason: 'rejected', at: NOW - 1_000 } as const;

describe('a token request is made', () => {
  it.each([
    ['missing', newRecord(), asked('missing', { generation: 0 })],
    ['expired', expiredRecord(), asked('expired')],
    ['stale', staleRecord(), asked('stale')],
    ['refused by the API', record({ invalid: rejected }), asked('rejected')],
    ['wanted anew by a person', record(), asked('forced')],
  ] as const)('when the token is %s', (_why, read, input) => {
    expect(decideIssue(read, input, ROTATING)).toEqual({ action: 'request' });
  });

  it('when it lives, but not for as long as the asker needs it', () => {
    const input = asked('min_valid', { minValidMs: 30 * 60_000 });
    expect(decideIssue(staleRecord(), input, ROTATING)).toEqual({ action: 'request' });
  });
});

describe('nothing is requested', () => {
  it.each(['missing', 'expired', 'stale', 'min_valid'] as const)(
    'for %s when the record holds a fresh token meanwhile',
    (reason) => {
      expect(decideIssue(record(), asked(reason), ROTATING)).toEqual({ action: 'current' });
    },
  );

  it.each(['rejected', 'forced', 'expired', 'stale'] as const)(
    'for %s when the record has moved past what the asker saw, even if the new token is stale',
    (reason) => {
      const input = asked(reason, { generation: 2 });
      expect(decideIssue(staleRecord(), input, ROTATING)).toEqual({ action: 'current' });
      const epoch = asked(reason, { epoch: 0, generation: 9 });
      expect(decideIssue(staleRecord(), epoch, ROTATING)).toEqual({ action: 'current' });
    },
  );

  it.each([
    ['quarantined', 'OAuth.malformed_response'],
    ['reauthorization_required', 'Token.reauthorization_required'],
    ['revoking', 'Token.revoked'],
    ['revoked', 'Token.revoked'],
    ['blocked', 'OAuth.invalid_scope'],
  ] as const)('of a record that is %s, not even by force', (state, type) => {
    const lastOutcome = { at: NOW, outcome: 'failed', type: 'OAuth.invalid_scope' } as const;
    const read = expiredRecord({ state, lastOutcome });
    expect(decideIssue(read, asked('forced'), ROTATING)).toEqual({ action: 'fail', type });
  });

  it('before `retryAt`, not even by force', () => {
    const waits = { action: 'wait', type: 'OAuth.rate_limited', until: NOW + 40_000 };
    const read = failedRecord('OAuth.rate_limited');
    expect(decideIssue(read, asked('expired'), ROTATING)).toEqual(waits);
    expect(decideIssue(read, asked('forced'), ROTATING)).toEqual(waits);
  });
});

describe('an API that refuses tokens', () => {
  const rejections = { inARow: 3, generation: 3, requestedAt: NOW - 10_000 };
  const read = record({ invalid: rejected, rejections });

  it('causes no request before its pause is over', () => {
    const waits = { action: 'wait', type: 'Token.rejected', until: NOW + 50_000 };
    expect(decideIssue(read, asked('rejected'), ROTATING)).toEqual(waits);
  });

  it('holds back nobody who asks by force', () => {
    expect(decideIssue(read, asked('forced'), ROTATING)).toEqual({ action: 'request' });
  });

  it('causes one as soon as its pause is over', () => {
    const later = { ...read, now: NOW + 50_000 };
    expect(decideIssue(later, asked('rejected'), ROTATING)).toEqual({ action: 'request' });
  });
});

describe('an attempt that somebody else began', () => {
  it('is left alone until its deadline', () => {
    const read = expiredRecord({ attempt: attempt() });
    expect(decideIssue(read, asked('expired'), ROTATING)).toEqual({
      action: 'wait',
      type: 'Token.refresh_in_progress',
      until: NOW + 17_000,
    });
  });

  it('is announced to be taken over after its deadline', () => {
    const dead = attempt({ sentAt: NOW - 20_000, deadline: NOW });
    expect(decideIssue(expiredRecord({ attempt: dead }), asked('expired'), ROTATING)).toEqual({
      action: 'announce_takeover',
      attempt: dead,
    });
  });

  it('gets a moment for its late commit after the announcement, and is then replaced', () => {
    const takeover = { by: '2@host', at: NOW };
    const dead = attempt({ sentAt: NOW - 20_000, deadline: NOW, takeover });
    const read = expiredRecord({ attempt: dead });
    const settled = NOW + TAKEOVER_SETTLE_MS;
    expect(decideIssue(read, asked('expired'), ROTATING)).toMatchObject({ until: settled });
    expect(decideIssue({ ...read, now: settled }, asked('expired'), ROTATING)).toEqual({
      action: 'request',
    });
  });

  it('is replaced after a few seconds when asking twice loses nothing (client_credentials)', () => {
    const read = expiredRecord({ attempt: attempt() });
    const until = NOW - 3_000 + REPEATABLE_TAKEOVER_MS;
    expect(decideIssue(read, asked('expired'), REPEATABLE)).toMatchObject({
      action: 'wait',
      until,
    });
    expect(decideIssue({ ...read, now: until }, asked('expired'), REPEATABLE)).toEqual({
      action: 'request',
    });
  });

  it('keeps nobody from a token that is there', () => {
    const read = record({ attempt: attempt() });
    expect(decideIssue(read, asked('stale'), ROTATING)).toEqual({ action: 'current' });
  });

  it('is never sent beside while it may still commit, whoever asks and however', () => {
    const anyReason = fc.constantFrom<EnsureReason>('missing', 'expired', 'rejected', 'forced');
    fc.assert(
      fc.property(
        anyReason,
        fc.integer({ min: -60_000, max: 60_000 }),
        fc.option(fc.integer({ min: -60_000, max: 0 })),
        (reason, deadlineIn, announcedAgo) => {
          const takeover = announcedAgo === null ? null : { by: 'x', at: NOW + announcedAgo };
          const running = attempt({ deadline: NOW + deadlineIn, takeover });
          const read = expiredRecord({ attempt: running, invalid: rejected });
          const decision = decideIssue(read, asked(reason), ROTATING);
          const over = deadlineIn <= 0 && (announcedAgo ?? 0) <= -TAKEOVER_SETTLE_MS;
          expect(decision.action === 'request').toBe(over);
          if (decision.action === 'wait') expect(decision.until).toBeGreaterThan(NOW);
        },
      ),
    );
  });
});

describe('a consent that brought no refresh token', () => {
  const CONSENTS: IssuedGrant[] = [
    { grantType: 'authorization_code', rotation: null },
    { grantType: 'device_code', rotation: null },
  ];
  const bare = { hasRefreshToken: false } as const;

  it.each(CONSENTS)('is over when its access token expires ($grantType)', (grant) => {
    const over = { action: 'give_up', over: true };
    expect(decideIssue(expiredRecord(bare), asked('expired'), grant)).toEqual(over);
    const refused = record({ ...bare, invalid: rejected });
    expect(decideIssue(refused, asked('rejected'), grant)).toEqual(over);
    const empty = newRecord(bare);
    expect(decideIssue(empty, asked('missing', { generation: 0 }), grant)).toEqual(over);
  });

  it.each(CONSENTS)('serves to its end, whoever asks for more ($grantType)', (grant) => {
    const notOver = { action: 'give_up', over: false };
    expect(decideIssue(staleRecord(bare), asked('stale'), grant)).toEqual({ action: 'current' });
    expect(decideIssue(record(bare), asked('forced'), grant)).toEqual(notOver);
    const input = asked('min_valid', { minValidMs: 30 * 60_000 });
    expect(decideIssue(staleRecord(bare), input, grant)).toEqual(notOver);
  });

  it('is refreshed like any other when it brought one', () => {
    for (const grant of CONSENTS) {
      expect(decideIssue(expiredRecord(), asked('expired'), grant)).toEqual({ action: 'request' });
    }
  });

  it('needs none with client credentials', () => {
    const read = expiredRecord(bare);
    expect(decideIssue(read, asked('expired'), REPEATABLE)).toEqual({ action: 'request' });
  });
});
