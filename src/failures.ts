/**
 * The only maker of Temporal failures. A failure is built from our own words and a checked type,
 * never from a foreign message, and never with a `cause`: Temporal writes both to history in clear.
 * Safe inside the workflow sandbox.
 */
import {
  ApplicationFailure,
  ApplicationFailureCategory,
  TemporalFailure,
} from '@temporalio/common';
import {
  FAILURES,
  isFailureType,
  type FailureRow,
  type FailureType,
} from './contract/failure-types.js';

/** What a failure may say beyond its type. */
export interface FailureOptions {
  /** The connection it is about. */
  connectionId?: string | undefined;
  /** What exactly is wrong, in our own words: a field name, a host, a rule. Never a secret. */
  detail?: string | undefined;
  /** When a retry makes sense, in milliseconds from now. */
  nextRetryDelayMs?: number | undefined;
  /** Final although its row says retried: an answer was kept, and asking again changes nothing. */
  final?: boolean | undefined;
  /** Retried although its row says final, and expected: its caller waits until a person has acted. */
  waits?: boolean | undefined;
  /** For programs: a system error code and the like. Never a secret. */
  details?: Record<string, string | number> | undefined;
}

/**
 * Makes a failure of the contract's table: finality and category come from its row.
 *
 * @param type - a row of the table
 */
export function failure(type: FailureType, options: FailureOptions = {}): ApplicationFailure {
  const row: FailureRow = FAILURES[type];
  const { connectionId, detail, details, nextRetryDelayMs, waits = false } = options;
  const final = !waits && (options.final ?? row.final);
  const about = connectionId === undefined ? '' : ` (connection ${connectionId})`;
  const parts = [row.message.replace(/\.$/, `${about}.`), detail, row.fix];
  return ApplicationFailure.create({
    message: parts.filter((part) => part !== undefined && part !== '').join(' '),
    type,
    nonRetryable: final,
    ...(details === undefined ? {} : { details: [details] }),
    ...(row.benign || waits ? { category: ApplicationFailureCategory.BENIGN } : {}),
    ...(nextRetryDelayMs === undefined || final
      ? {}
      : { nextRetryDelay: Math.max(Math.ceil(nextRetryDelayMs), 1) }),
  });
}

/** The failure of a type that was read from a record; a text we do not know is `OAuth.other`. */
export function recordedFailure(type: string, options: FailureOptions = {}): ApplicationFailure {
  return failure(isFailureType(type) ? type : 'OAuth.other', options);
}

/** Errors of our own rooms, by name and code, and the failures they become. */
const FAILURE_OF_ERROR: Record<string, FailureType> = {
  'StoreError:unavailable': 'Store.unavailable',
  'StoreError:key_unavailable': 'Store.key_unavailable',
  'StoreError:unreadable': 'Store.unreadable',
  'NetworkPolicyError:network_not_allowed': 'Policy.network_not_allowed',
  'InputError:invalid': 'Connection.invalid',
};

/** An input that is not what the contract says; the message names the field and what is right. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly code = 'invalid';
}

/**
 * Turns whatever was thrown into a failure that may cross Temporal. Errors of ours become their row
 * of the table, with their own message; of anything else only the class and the place are kept.
 */
export function toFailure(error: unknown, options: FailureOptions = {}): TemporalFailure {
  if (error instanceof TemporalFailure && error.cause === undefined) return error;
  // A failure with a cause is nobody's of ours: its cause may hold anything.
  const type = error instanceof TemporalFailure ? null : failureTypeOf(error);
  if (type !== null && error instanceof Error) {
    const retryInMs = isAuthorizationError(error) ? (error.retryInMs ?? undefined) : undefined;
    const nextRetryDelayMs = options.nextRetryDelayMs ?? retryInMs;
    return failure(type, { ...options, nextRetryDelayMs, detail: error.message });
  }
  const name = error instanceof Error ? className(error) : typeof error;
  const unexpected = ApplicationFailure.create({
    message: `Unexpected ${name}; the worker's log says where.`,
    type: 'Unexpected',
  });
  const frames = error instanceof Error ? placesOf(error) : '';
  unexpected.stack = `${unexpected.message}\n${frames}`;
  return unexpected;
}

/** The failure type of an error of ours; null: it is not one. */
export function failureTypeOf(error: unknown): FailureType | null {
  if (error instanceof ApplicationFailure) return isFailureType(error.type) ? error.type : null;
  if (isAuthorizationError(error)) return error.failureType;
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string')
    return null;
  if (error.name === 'OAuthRequestError') return 'Connection.invalid';
  return FAILURE_OF_ERROR[`${error.name}:${error.code}`] ?? null;
}

/** An error of an authorization names its row itself. */
interface AuthorizationError extends Error {
  failureType: FailureType;
  retryInMs: number | null;
}

function isAuthorizationError(error: unknown): error is AuthorizationError {
  if (!(error instanceof Error) || error.name !== 'AuthorizationError') return false;
  return 'failureType' in error && isFailureType(error.failureType as string);
}

function className(error: Error): string {
  return /^[A-Za-z0-9_]{1,64}$/.test(error.name) ? error.name : 'Error';
}

/** The places of an error's stack, without the message that it begins with. */
export function placesOf({ stack = '', message }: Error): string {
  const at = stack.indexOf(message);
  const lines = stack.slice(at < 0 ? 0 : at + message.length).split('\n');
  return lines.filter((line) => /^ {4}at /.test(line)).join('\n');
}
