/** What tests do to token records, and ask of them. */
import { ApplicationFailure } from '@temporalio/common';
import { expect } from 'vitest';
import type { TokenDocument } from '../../src/store/index.js';
import { readToken } from '../../src/store/index.js';
import { createLifecycleClient, type EnsureTokenAnswer } from '../../src/tokens/index.js';
import type { TokenSystem } from './token-system.js';

/** The token document of a connection. */
export async function tokenDocument(
  system: TokenSystem,
  connectionId: string,
): Promise<TokenDocument> {
  const found = await system.database.tokens.findOne({ _id: connectionId });
  if (found === null) throw new Error(`no token document of ${connectionId}`);
  return found;
}

/** Lets a connection's stored token expire now. */
export async function expireToken(system: TokenSystem, connectionId: string): Promise<void> {
  const past = new Date(0);
  const { matchedCount } = await system.database.tokens.updateOne(
    { _id: connectionId },
    { $set: { expiresAt: past, refreshAfter: past } },
  );
  expect(matchedCount).toBe(1);
}

/** Has the lifecycle request a token although the stored one is good, as the command `refresh` does. */
export async function forceRefresh(
  system: TokenSystem,
  connectionId: string,
): Promise<EnsureTokenAnswer> {
  const read = await readToken(system.database, connectionId);
  if (read === null) throw new Error(`no token record of ${connectionId}`);
  const { connection, taskQueue } = system;
  const lifecycle = createLifecycleClient({ connection, namespace: 'default', taskQueue });
  const { incarnation, epoch, generation, failures } = read.record;
  const input = { epoch, generation, minValidMs: 0, reason: 'forced' as const };
  const key = { incarnation, epoch, generation, failures };
  return lifecycle.ensureToken(connectionId, key, input, 30_000);
}

/** What a caller that was not served got. */
export interface Refusal {
  type: string | null | undefined;
  final: boolean;
  /** Milliseconds; undefined: the failure does not say. */
  nextRetryDelayMs: number | undefined;
  /** How long the caller waited for it, in milliseconds. */
  afterMs: number;
}

/** What many callers at once got: token generations, and failures. */
export interface Outcomes {
  generations: number[];
  refusals: Refusal[];
}

/** Runs callers at once and sorts what they got. */
export async function callAtOnce(
  count: number,
  call: (index: number) => Promise<{ generation: number }>,
): Promise<Outcomes> {
  const outcomes: Outcomes = { generations: [], refusals: [] };
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      try {
        outcomes.generations.push((await call(index)).generation);
      } catch (error) {
        outcomes.refusals.push(refusalOf(error, performance.now() - startedAt));
      }
    }),
  );
  return outcomes;
}

function refusalOf(error: unknown, afterMs: number): Refusal {
  if (!(error instanceof ApplicationFailure)) throw error;
  const nextRetryDelay: unknown = error.nextRetryDelay;
  return {
    type: error.type,
    final: error.nonRetryable === true,
    nextRetryDelayMs: typeof nextRetryDelay === 'number' ? nextRetryDelay : undefined,
    afterMs,
  };
}
