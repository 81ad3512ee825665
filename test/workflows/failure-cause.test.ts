import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { failure } from '../../src/failures.js';
import { applicationFailureOf, passedOn, timeIsOver } from '../../src/workflows/failure-cause.js';

type RetryState = ConstructorParameters<typeof ActivityFailure>[3];

/** An activity's failure as the SDK hands it to a workflow. */
function ended(cause: Error | undefined, retryState: RetryState = 'NON_RETRYABLE_FAILURE') {
  return new ActivityFailure('Activity task failed', 'getAccessToken', '1', retryState, 'x', cause);
}

const timeout = (last?: Error) =>
  Object.assign(new TimeoutFailure('Activity task timed out', undefined, 'SCHEDULE_TO_CLOSE'), {
    cause: last,
  });

describe('the ApplicationFailure an activity ended with', () => {
  const last = failure('OAuth.server_error');

  it('is found however deep it lies', () => {
    expect(applicationFailureOf(last)).toBe(last);
    expect(applicationFailureOf(ended(last))).toBe(last);
    expect(applicationFailureOf(ended(timeout(last), 'TIMEOUT'))).toBe(last);
  });

  it.each([undefined, null, 'x', new Error('x'), ended(undefined), ended(timeout())])(
    'is not there in %s',
    (error) => {
      expect(applicationFailureOf(error)).toBeNull();
    },
  );

  it('is not looked for without end', () => {
    const circle = new Error('x');
    circle.cause = circle;
    expect(applicationFailureOf(circle)).toBeNull();
  });
});

describe("an activity's time", () => {
  it('is over after a timeout, whether it failed before or not', () => {
    expect(timeIsOver(ended(timeout()))).toBe(true);
    expect(timeIsOver(ended(failure('OAuth.server_error'), 'TIMEOUT'))).toBe(true);
  });

  it('is not over after a final failure', () => {
    expect(timeIsOver(ended(failure('Token.revoked')))).toBe(false);
    expect(timeIsOver(new Error('x'))).toBe(false);
  });
});

describe('what a workflow passes on', () => {
  it('is the ApplicationFailure itself, so that a parent need not dig', () => {
    const cause = failure('OAuth.invalid_client', { connectionId: 'superservice' });
    const passed = passedOn(ended(cause), 'superservice');
    expect(passed).toBeInstanceOf(ApplicationFailure);
    expect(passed).toMatchObject({
      type: 'OAuth.invalid_client',
      message: cause.message,
      nonRetryable: true,
    });
    expect((passed as Error).cause).toBeUndefined();
  });

  it('is of the last recorded type when the time is over, not a bare timeout', () => {
    const last = failure('OAuth.rate_limited', { nextRetryDelayMs: 60_000 });
    const passed = passedOn(ended(timeout(last), 'TIMEOUT'), 'superservice');
    expect(passed).toMatchObject({ type: 'OAuth.rate_limited', nonRetryable: false });
  });

  it('keeps details and category', () => {
    const cause = failure('Token.refresh_in_progress', { details: { code: 'x' } });
    expect(passedOn(ended(cause), 'superservice')).toMatchObject({
      category: 'BENIGN',
      details: [{ code: 'x' }],
    });
  });

  it('is `Token.refresh_in_progress`, final, when no attempt ever said anything', () => {
    expect(passedOn(ended(timeout(), 'TIMEOUT'), 'superservice')).toMatchObject({
      type: 'Token.refresh_in_progress',
      nonRetryable: true,
    });
  });

  it('is the cancellation itself when the workflow was cancelled', () => {
    const cancelled = ended(new CancelledFailure('cancelled'), 'CANCEL_REQUESTED');
    expect(passedOn(cancelled, 'superservice')).toBe(cancelled);
  });
});
