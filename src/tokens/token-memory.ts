import { LRUCache } from 'lru-cache';
import { leewayMs } from '../contract/freshness.js';
import type { TokenRecord } from '../contract/token-record.js';
import type { StoredAccessToken } from './access-token.js';

/** An opened token and its times on this process's monotonic clock, in milliseconds. */
export interface MemoryEntry {
  token: StoredAccessToken;
  /** The token as callers get it, made once. */
  answer: Promise<StoredAccessToken>;
  record: TokenRecord;
  /** When the record was read: what `record.now` belongs to. */
  readAt: number;
  /** Until then nothing needs doing. */
  freshUntil: number;
  /** From then on a caller asks for a refresh: a lifecycle that refreshes ahead has had its chance. */
  nudgeAt: number;
  /** Until then the token may be handed out. */
  usableUntil: number;
  /** When the token expires. */
  expiresAt: number;
  /** From then on the record is looked up again. */
  recheckAt: number;
  /** Until then the token is handed out as it is: the hot path compares this and nothing else. */
  quietUntil: number;
  /** The last look-up found no store: do not let callers wait for the next one. */
  storeFailed: boolean;
}

/** The record as if it were read now: MongoDB's clock moved on by the monotonic time since. */
export function recordNow(entry: Pick<MemoryEntry, 'record' | 'readAt'>, now: number): TokenRecord {
  return { ...entry.record, now: entry.record.now + (now - entry.readAt) };
}

/** A stale token whose refresh was asked for is looked at again so often, not with every call. */
const STALE_LOOK_MS = 1_000;

/**
 * When something about an entry needs doing next: a look-up, or asking for a refresh.
 *
 * @param now - the same monotonic clock; what was due before it has been done
 */
export function quietUntil(entry: Omit<MemoryEntry, 'quietUntil'>, now: number): number {
  const { freshUntil, nudgeAt, recheckAt, usableUntil } = entry;
  const staleAt = now < nudgeAt ? nudgeAt : now + STALE_LOOK_MS;
  return Math.min(recheckAt, usableUntil, now < freshUntil ? freshUntil : staleAt);
}

/** Opened access tokens by connection, bounded, the least recently used going first. */
export class TokenMemory {
  readonly #entries: LRUCache<string, MemoryEntry>;
  readonly #maxAgeMs: number;

  constructor(maxEntries: number, maxAgeMs: number) {
    this.#entries = new LRUCache({ max: maxEntries });
    this.#maxAgeMs = maxAgeMs;
  }

  get(connectionId: string): MemoryEntry | undefined {
    return this.#entries.get(connectionId);
  }

  /**
   * Keeps a token. One that can still be used is never replaced by an older one, which only a
   * restored database brings.
   *
   * @param readAt - monotonic time that `record.now` belongs to, so that what remains is never
   *   overestimated
   */
  keep(record: TokenRecord, token: StoredAccessToken, readAt: number): void {
    const known = this.#entries.get(record.connectionId);
    if (known !== undefined && isNewer(known.record, record)) {
      if (performance.now() < known.usableUntil) {
        known.recheckAt = performance.now() + this.#maxAgeMs;
        return;
      }
    }
    const at = (time: number | null): number =>
      time === null ? Infinity : readAt + (time - record.now);
    const entry = {
      token,
      answer: Promise.resolve(token),
      record,
      readAt,
      freshUntil: at(record.refreshAfter),
      nudgeAt: at(record.refreshAfter) + nudgeSlackMs(record.lifetimeMs ?? 0),
      usableUntil: at(record.expiresAt) - leewayMs(record.lifetimeMs ?? 0),
      expiresAt: at(record.expiresAt),
      recheckAt: readAt + this.#maxAgeMs,
      storeFailed: false,
    };
    const { freshUntil, recheckAt, usableUntil } = entry;
    this.#entries.set(record.connectionId, {
      ...entry,
      quietUntil: Math.min(freshUntil, recheckAt, usableUntil),
    });
  }

  /** Forgets a connection's token. */
  drop(connectionId: string): void {
    this.#entries.delete(connectionId);
  }

  /** After a rejection of a generation nothing up to it is kept. */
  dropUpTo(connectionId: string, generation: number): void {
    const known = this.#entries.get(connectionId);
    if (known !== undefined && known.record.generation <= generation) this.drop(connectionId);
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** Far shorter than the time between becoming stale and becoming unusable. */
function nudgeSlackMs(lifetimeMs: number): number {
  return Math.min(2_000, lifetimeMs * 0.02);
}

function isNewer(known: TokenRecord, read: TokenRecord): boolean {
  if (known.incarnation !== read.incarnation) return false;
  return (
    known.epoch > read.epoch || (known.epoch === read.epoch && known.generation > read.generation)
  );
}
