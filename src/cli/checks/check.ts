import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from '../../store/index.js';
import { describeError } from '../errors.js';

/** One line of what `doctor` prints (contract §6). */
export interface Check {
  name: string;
  ok: boolean;
  message: string;
  /** What to do; null: nothing. */
  fix: string | null;
}

/** What a check found. */
export type Finding = { ok: true; message: string } | { ok: false; message: string; fix: string };

/** Everything is as it should be. */
export const good = (message: string): Finding => ({ ok: true, message });

/** Something has to be done. */
export const bad = (message: string, fix: string): Finding => ({ ok: false, message, fix });

/** A check that another one had to come before. */
export const unchecked = (what: string, check: string): Finding =>
  bad(`Not checked: ${what}.`, `See the check of ${check}.`);

const LIMIT_MS = 12_000;

/**
 * Runs one check within its time. Whatever it throws is its finding: no check hides another.
 *
 * @param fix - what to do when it throws or does not end
 */
export async function runCheck(
  name: string,
  fix: string,
  find: () => Promise<Finding>,
): Promise<Check> {
  const end = new AbortController();
  const late = sleep(LIMIT_MS, bad(`No answer within ${LIMIT_MS / 1_000} s.`, fix), {
    signal: end.signal,
  });
  // Cut off below; nobody else listens.
  late.catch(() => undefined);
  try {
    const finding = await Promise.race([find(), late]);
    return { name, fix: null, ...finding };
  } catch (error) {
    // The store's own words are enough: the failure's say again that it cannot be reached.
    const message = error instanceof StoreError ? error.message : describeError(error).message;
    return { name, ok: false, message, fix };
  } finally {
    end.abort();
  }
}
