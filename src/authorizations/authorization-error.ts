import type { FailureType } from '../contract/failure-types.js';

/**
 * An authorization that could not begin, or a callback that belongs to none. The message is in our
 * own words and quotes nothing that came from outside.
 */
export class AuthorizationError extends Error {
  override readonly name = 'AuthorizationError';
  readonly failureType: FailureType;
  /** When another try makes sense, in milliseconds from now; null: nothing says. */
  readonly retryInMs: number | null;

  constructor(failureType: FailureType, message: string, retryInMs: number | null = null) {
    super(message);
    this.failureType = failureType;
    this.retryInMs = retryInMs;
  }
}
