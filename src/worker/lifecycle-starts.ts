import { setTimeout as sleep } from 'node:timers/promises';
import {
  listAheadConnections,
  listKeepAliveDue,
  listRevokingConnections,
  type KeepAliveCursor,
  type TokenDatabase,
} from '../store/index.js';
import type { LifecycleClient } from '../tokens/index.js';

/** Missing lifecycles are started at this pace, in pages of this size. */
const START_INTERVAL_MS = 50;
const PAGE = 100;
const PASS_MS = 5 * 60_000;
/** Longer than it takes to be told, shorter than the authorization server may take. */
const TELL_MS = 2_000;

/** What starting lifecycles needs. */
export interface LifecycleStarts {
  database: TokenDatabase;
  lifecycle: LifecycleClient;
  /** Aborts when the worker ends. */
  signal: AbortSignal;
  onWarning: ((message: string) => void) | undefined;
}

/**
 * Starts missing lifecycles now and then: of connections that are refreshed ahead, whose refresh token
 * has lain idle, or whose revocation is under way. One may have been terminated, or not been startable.
 */
export async function keepLifecyclesStarted(starts: LifecycleStarts): Promise<void> {
  const { signal, onWarning } = starts;
  while (!signal.aborted) {
    for (const pass of [startRevocations, startKeepAlives, startAhead]) {
      await pass(starts).catch(() =>
        onWarning?.('Not every lifecycle that is due could be started; the next try is soon.'),
      );
    }
    await sleep(PASS_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** What is revoked comes first: until the server is told the tokens are alive. */
async function startRevocations(starts: LifecycleStarts): Promise<void> {
  const { database, lifecycle, signal } = starts;
  for (let after: string | null = null; !signal.aborted;) {
    const page = await listRevokingConnections(database, { limit: PAGE, after });
    for (const { connectionId, untold } of page) {
      if (signal.aborted) return;
      // A lifecycle that runs may not know of it, when Temporal was away as it was asked for.
      if (untold) await lifecycle.revoke(connectionId, TELL_MS);
      else await lifecycle.start(connectionId);
      await sleep(START_INTERVAL_MS);
    }
    after = page.at(-1)?.connectionId ?? null;
    if (after === null) return;
  }
}

async function startKeepAlives({ database, lifecycle, signal }: LifecycleStarts): Promise<void> {
  for (let after: KeepAliveCursor | null = null; !signal.aborted;) {
    const page = await listKeepAliveDue(database, { limit: PAGE, after });
    for (const { connectionId } of page) {
      if (signal.aborted) return;
      await lifecycle.start(connectionId);
      await sleep(START_INTERVAL_MS);
    }
    after = page.at(-1) ?? null;
    if (after === null) return;
  }
}

/** A running one is left alone. */
async function startAhead({ database, lifecycle, signal }: LifecycleStarts): Promise<void> {
  for (let after: string | null = null; !signal.aborted;) {
    const page = await listAheadConnections(database, { limit: PAGE, after });
    for (const connectionId of page) {
      if (signal.aborted) return;
      await lifecycle.start(connectionId);
      await sleep(START_INTERVAL_MS);
    }
    after = page.at(-1) ?? null;
    if (after === null) return;
  }
}
