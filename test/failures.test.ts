import { inspect } from 'node:util';
import {
  ApplicationFailure,
  CancelledFailure,
  DefaultFailureConverter,
  defaultPayloadConverter,
} from '@temporalio/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAILURES, type FailureType } from '../src/contract/failure-types.js';
import { failure, failureTypeOf, InputError, recordedFailure, toFailure } from '../src/failures.js';
import { NetworkPolicyError } from '../src/network.js';
import { OAuthRequestError } from '../src/oauth/index.js';
import { StoreError, storeOperation } from '../src/store/index.js';
import { foreignErrors, MARK, PLANTED } from './foreign-errors.js';

const TYPES = Object.keys(FAILURES) as FailureType[];
const foreign = await foreignErrors();

/** What Temporal writes into history, byte for byte, payloads decoded. */
function historyOf(error: unknown): string {
  const proto = new DefaultFailureConverter().errorToFailure(error, defaultPayloadConverter);
  const seen = JSON.stringify(proto, (_name, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value,
  );
  return seen + inspect(proto, { depth: 20 });
}

describe('a failure of the table', () => {
  it.each(TYPES)('%s is as final and as expected as its row says', (type) => {
    const row = FAILURES[type];
    const made = failure(type);
    expect(made).toBeInstanceOf(ApplicationFailure);
    expect(made.type).toBe(type);
    expect(made.nonRetryable).toBe(row.final);
    expect(made.category === 'BENIGN').toBe(row.benign);
  });

  it.each(TYPES)('%s says what happened and what to do, and has no cause', (type) => {
    const made = failure(type, { connectionId: 'superservice', detail: 'The host is x.' });
    const { message, fix } = FAILURES[type];
    expect(made.message).toContain(message.replace(/\.$/, ''));
    expect(made.message).toContain('(connection superservice).');
    expect(made.message).toContain('The host is x.');
    expect(made.message.endsWith(fix)).toBe(true);
    expect(made.cause).toBeUndefined();
  });

  it('says when a retry makes sense, in whole milliseconds, never 0', () => {
    const delayOf = (nextRetryDelayMs: number): unknown =>
      failure('OAuth.rate_limited', { nextRetryDelayMs }).nextRetryDelay;
    expect(delayOf(1_234.2)).toBe(1_235);
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (ms) => {
        expect(delayOf(ms)).toBeGreaterThanOrEqual(Math.max(ms, 1));
      }),
    );
  });

  it('that is final says nothing about a retry', () => {
    const made = failure('OAuth.invalid_client', { nextRetryDelayMs: 5_000 });
    expect(made.nextRetryDelay).toBeUndefined();
  });

  it('may be final where an answer was kept (`quarantined`)', () => {
    const made = failure('OAuth.malformed_response', { final: true, nextRetryDelayMs: 5_000 });
    expect(made.nonRetryable).toBe(true);
    expect(made.nextRetryDelay).toBeUndefined();
  });
});

describe('a recorded type', () => {
  it('becomes its failure', () => {
    expect(recordedFailure('OAuth.server_error').type).toBe('OAuth.server_error');
  });

  it.each(['OAuth.made_up', '', 'toString', '__proto__'])(
    'that we do not know (%j) becomes `OAuth.other`',
    (type) => {
      expect(recordedFailure(type).type).toBe('OAuth.other');
    },
  );
});

describe('an error of ours becomes its row', () => {
  it.each([
    [new StoreError('unavailable', 'MongoDB could not x.'), 'Store.unavailable'],
    [new StoreError('key_unavailable', 'The key k is gone.'), 'Store.key_unavailable'],
    [new StoreError('unreadable', 'It does not open.'), 'Store.unreadable'],
    [new NetworkPolicyError('10.0.0.1', 'it is private'), 'Policy.network_not_allowed'],
    [new InputError('minValidMs: must be a number.'), 'Connection.invalid'],
    [new OAuthRequestError('client_secret_missing', 'No secret.'), 'Connection.invalid'],
  ])('%s', (error, type) => {
    const made = toFailure(error, { connectionId: 'superservice' });
    expect(made).toMatchObject({ type, nonRetryable: FAILURES[type as FailureType].final });
    expect(made.message).toContain(error.message);
    expect(made.cause).toBeUndefined();
    expect(failureTypeOf(error)).toBe(type);
  });

  it('and a failure of ours, or a cancellation, stays what it is', () => {
    const ours = failure('Token.revoked');
    const cancelled = new CancelledFailure('CANCELLED');
    expect(toFailure(ours)).toBe(ours);
    expect(toFailure(cancelled)).toBe(cancelled);
  });
});

describe('a foreign error', () => {
  it.each(foreign)('would leak without us (%s)', (_title, error) => {
    const wrapped = ApplicationFailure.create({
      message: 'x',
      ...(error instanceof Error ? { cause: error } : { details: [error] }),
    });
    const written = historyOf(wrapped) + inspect(error, { depth: 9 });
    expect(written).toContain(MARK);
  });

  it.each(foreign)('never reaches a history: %s', (_title, error) => {
    const made = toFailure(error, { connectionId: 'superservice' });
    expect(made.message).toMatch(/^Unexpected [A-Za-z]+; the worker's log says where\.$/);
    expect(made.cause).toBeUndefined();
    expect(historyOf(made)).not.toContain(MARK);
    expect(inspect(made, { depth: 9 })).not.toContain(MARK);
  });

  it.each(foreign)('of the store never reaches a history either: %s', async (_title, error) => {
    const thrown = await storeOperation('read', () => Promise.reject(error as Error)).catch(
      (reason: unknown) => reason,
    );
    const made = toFailure(thrown);
    expect(made).toMatchObject({ type: 'Store.unavailable' });
    expect(historyOf(made)).not.toContain(MARK);
  });

  it('does not come along as the cause of an ApplicationFailure that somebody else made', () => {
    const [, error] = foreign[0] ?? [];
    const made = toFailure(
      ApplicationFailure.create({ message: PLANTED, type: 'Token.revoked', cause: error as Error }),
    );
    expect(historyOf(made)).not.toContain(MARK);
  });

  it('keeps the places of its stack, so that it can be found', () => {
    expect(toFailure(new TypeError(PLANTED)).stack).toContain('failures.test.ts');
  });

  it('is retried: a bug on one worker may be mended on the next', () => {
    expect(toFailure(new TypeError('x'))).toMatchObject({
      type: 'Unexpected',
      nonRetryable: false,
    });
  });
});
