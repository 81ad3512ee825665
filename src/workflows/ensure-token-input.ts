import type { EnsureReason, EnsureTokenInput } from '../contract/messages.js';
import { failure } from '../failures.js';

const REASONS: Readonly<Record<EnsureReason, true>> = {
  missing: true,
  stale: true,
  expired: true,
  min_valid: true,
  rejected: true,
  forced: true,
  keep_alive: true,
};

/**
 * The validator of `ensureToken`: an update sent by name may hold anything, and a handler that
 * stumbled over it would stop the run for everybody. What is refused here leaves nothing in history.
 *
 * @throws ApplicationFailure `Connection.invalid`, naming every wrong field
 */
export function checkEnsureTokenInput(input: EnsureTokenInput): void {
  const given: Partial<Record<keyof EnsureTokenInput, unknown>> =
    typeof input === 'object' && input !== null ? { ...input } : {};
  const problems = [
    ...(isCount(given.epoch) ? [] : ['epoch: must be a whole number.']),
    ...(isCount(given.generation) ? [] : ['generation: must be a whole number, 0 for none.']),
    ...(isLength(given.minValidMs)
      ? []
      : ['minValidMs: must be a number of milliseconds, 0 or more.']),
    ...(typeof given.reason === 'string' && Object.hasOwn(REASONS, given.reason)
      ? []
      : [`reason: must be ${Object.keys(REASONS).join(', ')}.`]),
  ];
  if (problems.length > 0) throw failure('Connection.invalid', { detail: problems.join(' ') });
}

const isLength = (value: unknown): boolean =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;

const isCount = (value: unknown): boolean => isLength(value) && Number.isInteger(value);
