import { asyncLocalStorage } from '@temporalio/activity';
import { callerDelayMs } from '../contract/backoff.js';
import { decideForCaller, type CallerDecision } from '../contract/decide-caller.js';
import type { EnsureReason } from '../contract/messages.js';
import type { TokenRecord } from '../contract/token-record.js';
import { failure, recordedFailure } from '../failures.js';
import type { AccessToken, StoredAccessToken } from './access-token.js';
import { Asker } from './ask.js';
import type { LifecycleAccess } from './lifecycle-access.js';
import type { TokenMetrics, TokenOrigin } from './metrics.js';
import { within } from './single-flight.js';
import { quietUntil, recordNow, type MemoryEntry, type TokenMemory } from './token-memory.js';
import type { TimedRead, TokenReader } from './token-reader.js';
import type { GetAccessTokenOptions } from './token-source.js';

/** A token nobody asked for lately is looked up before it is used, if MongoDB is quick about it. */
const QUICK_LOOKUP_MS = 250;
const IDLE_SHARE = 1.2;
/** Tokens that were issued for one caller and did not serve it: the next would not either. */
const MAX_ISSUED = 3;
/** A Temporal that did not answer for so long is said to be gone, while the caller can still act. */
const UNREACHABLE_MS = 10_000;
/** A caller that waits for an answer looks at the record after 1 s, 2 s, 4 s, then every 5 s. */
const FIRST_LOOK_MS = 1_000;
const OUTAGE_LOOK_MS = 250;
const MAX_LOOK_MS = 5_000;

/** What an {@link Acquirer} works with. */
export interface AcquirerParts {
  reader: TokenReader;
  memory: TokenMemory;
  lifecycle: LifecycleAccess;
  metrics: TokenMetrics;
  waitMs: number;
  maxAgeMs: number;
}

/** The way of a token (design §5): memory, then MongoDB, then the lifecycle. */
export class Acquirer {
  readonly #parts: AcquirerParts;
  readonly #asker: Asker;

  constructor(parts: AcquirerParts) {
    this.#parts = parts;
    this.#asker = new Asker(parts.lifecycle);
  }

  /** The hot path: a token in memory that needs nothing done now, without I/O. */
  fromMemory(connectionId: string): Promise<StoredAccessToken> | undefined {
    const entry = this.#parts.memory.get(connectionId);
    if (entry === undefined || performance.now() >= entry.quietUntil) return undefined;
    this.#parts.metrics.memoryHit();
    return entry.answer;
  }

  /** A valid token, however long the way; every failure is of the contract's table. */
  async acquire(connectionId: string, wanted: GetAccessTokenOptions): Promise<AccessToken> {
    const startedAt = performance.now();
    const entry = this.#parts.memory.get(connectionId);
    if (entry !== undefined && this.#serves(entry, wanted, startedAt)) {
      const token = await this.#fromAgedMemory(entry, startedAt, wanted.signal);
      if (token !== undefined) {
        this.#parts.metrics.handedOut('memory', performance.now() - startedAt);
        return token;
      }
    }
    const { token, origin } = await this.#fromStore(connectionId, wanted, startedAt);
    this.#parts.metrics.handedOut(origin, performance.now() - startedAt);
    return token;
  }

  #serves(entry: MemoryEntry, wanted: GetAccessTokenOptions, now: number): boolean {
    return (
      now < entry.usableUntil &&
      entry.expiresAt - now >= (wanted.minValidMs ?? 0) &&
      entry.record.generation !== wanted.rejectedGeneration
    );
  }

  /** A usable token in memory that is stale or was not looked up for a while. */
  async #fromAgedMemory(
    entry: MemoryEntry,
    now: number,
    signal: AbortSignal | undefined,
  ): Promise<StoredAccessToken | undefined> {
    if (now >= entry.recheckAt) {
      const idle = now >= entry.readAt + this.#parts.maxAgeMs * IDLE_SHARE && !entry.storeFailed;
      const checked = this.#recheck(entry);
      if (idle && (await within(checked, QUICK_LOOKUP_MS, signal)) === 'gone') return undefined;
      if (!idle) void checked;
    } else if (now >= entry.nudgeAt) {
      // Somebody may have refreshed it: MongoDB is asked before the lifecycle is.
      if (entry.readAt < entry.freshUntil) void this.#recheck(entry);
      else this.#nudge(recordNow(entry, now));
    }
    entry.quietUntil = quietUntil(entry, now);
    return entry.token;
  }

  /** Looks a token in memory up again; what no longer serves is dropped. Never rejects. */
  async #recheck(entry: MemoryEntry): Promise<'kept' | 'gone'> {
    const { connectionId } = entry.record;
    entry.recheckAt = performance.now() + this.#parts.maxAgeMs;
    try {
      const read = await this.#parts.reader.read(connectionId);
      const decision = read === null ? null : decideForCaller(read.record, 0);
      if (read === null || decision === null || decision.action !== 'serve') {
        this.#dropUnlessOlder(entry, read);
        return 'gone';
      }
      await this.#parts.reader.open(read);
      if (decision.nudge) this.#nudge(read.record);
      return this.#parts.memory.get(connectionId)?.token === entry.token ? 'kept' : 'gone';
    } catch {
      // The store cannot be reached: the token serves until the end of its usability.
      if (!entry.storeFailed) warnOfStore(connectionId);
      entry.storeFailed = true;
      return 'kept';
    }
  }

  /** A record that went back in time is a restored database; the newer token in memory still works. */
  #dropUnlessOlder(entry: MemoryEntry, read: TimedRead | null): void {
    const known = entry.record;
    const older =
      read !== null &&
      read.record.incarnation === known.incarnation &&
      (read.record.epoch < known.epoch ||
        (read.record.epoch === known.epoch && read.record.generation < known.generation));
    if (!older) this.#parts.memory.drop(known.connectionId);
  }

  /** MongoDB, and while the record does not serve, the lifecycle. */
  async #fromStore(
    connectionId: string,
    wanted: GetAccessTokenOptions,
    startedAt: number,
  ): Promise<{ token: StoredAccessToken; origin: TokenOrigin }> {
    const deadline = startedAt + this.#parts.waitMs;
    const { minValidMs = 0, signal } = wanted;
    // 0 is no generation: other languages send it for "none".
    let rejectedGeneration = wanted.rejectedGeneration || undefined;
    if (rejectedGeneration !== undefined) {
      this.#parts.memory.dropUpTo(connectionId, rejectedGeneration);
    }
    let unreachable = false;
    let issued = 0;
    for (let looks = 0; ; looks += 1) {
      signal?.throwIfAborted();
      const read = await this.#readBefore(connectionId, deadline, signal);
      const { record } = read;
      // A restored database: its next generation has the number of the refused one, and is another.
      if (record.generation < (rejectedGeneration ?? 0)) rejectedGeneration = undefined;
      if (record.generation === rejectedGeneration && isRefusable(record)) {
        await this.#parts.reader.reject(record);
        continue;
      }
      const decision = decideForCaller(record, minValidMs, rejectedGeneration);
      if (decision.action === 'serve') {
        const token = await this.#parts.reader.open(read);
        if (decision.nudge) this.#nudge(record);
        return { token, origin: looks > 0 ? 'issued' : 'store' };
      }
      if (decision.action !== 'ask') {
        this.#parts.memory.dropUpTo(connectionId, record.generation);
        throw failureOf(decision, record);
      }
      const leftMs = deadline - performance.now();
      const gone = unreachable && performance.now() - startedAt >= UNREACHABLE_MS;
      if (leftMs <= 0 || gone) {
        const type = unreachable ? 'Token.unavailable' : 'Token.refresh_in_progress';
        throw failure(type, { connectionId });
      }
      const input = inputOf(record, decision.reason, minValidMs);
      // In an outage the record tells of the attempt that was joined before the lifecycle answers.
      const firstLookMs = record.failures > 0 ? OUTAGE_LOOK_MS : FIRST_LOOK_MS;
      const lookAfterMs = Math.min(firstLookMs * 2 ** looks, MAX_LOOK_MS);
      const answer = await this.#asker.ask(record, input, { leftMs, lookAfterMs, signal });
      // Time to look again is no news of Temporal.
      if (answer.outcome !== 'no_answer') unreachable = answer.outcome === 'unreachable';
      if (answer.outcome === 'issued') issued += 1;
      if (issued > MAX_ISSUED) throw failure('Token.lifetime_too_short', { connectionId });
      if (answer.outcome === 'failed' && answer.failure !== null) {
        const asked = { ...wanted, rejectedGeneration };
        await this.#throwUnlessServed(record, asked, answer.failure);
      }
    }
  }

  /** A failed answer is final news unless the record has moved on and says something else. */
  async #throwUnlessServed(
    asked: TokenRecord,
    wanted: GetAccessTokenOptions,
    failed: { type: string; final: boolean },
  ): Promise<void> {
    const { connectionId } = asked;
    const read = await this.#parts.reader.read(connectionId);
    if (read === null) throw failure('Connection.not_found', { connectionId });
    const decision = decideForCaller(
      read.record,
      wanted.minValidMs ?? 0,
      wanted.rejectedGeneration,
    );
    if (decision.action !== 'ask') return;
    const moved =
      read.record.epoch !== asked.epoch ||
      read.record.generation !== asked.generation ||
      read.record.incarnation !== asked.incarnation;
    if (failed.final && !moved) {
      throw recordedFailure(failed.type, { connectionId, final: true });
    }
  }

  async #readBefore(
    connectionId: string,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<TimedRead> {
    const left = Math.max(deadline - performance.now(), 1_000);
    const read = await within(this.#parts.reader.read(connectionId), left, signal);
    if (read === undefined) throw failure('Store.unavailable', { connectionId });
    if (read === null) {
      this.#parts.memory.drop(connectionId);
      throw failure('Connection.not_found', { connectionId });
    }
    return read;
  }

  /** Asks for a refresh in the background, once per process and state of the record. */
  #nudge(record: TokenRecord): void {
    const decision = decideForCaller(record, 0);
    if (decision.action !== 'serve' || !decision.nudge) return;
    this.#asker.nudge(record, inputOf(record, 'stale', 0), async () => {
      const read = await this.#parts.reader.read(record.connectionId);
      if (read === null || decideForCaller(read.record, 0).action !== 'serve') return;
      await this.#parts.reader.open(read);
    });
  }
}

/** Whether a refusal of the record's token can be written down. */
function isRefusable(record: TokenRecord): boolean {
  return record.hasAccessToken && record.invalid === null;
}

/** Once per outage and connection, where there is a log: in activities. */
function warnOfStore(connectionId: string): void {
  const message = 'MongoDB cannot be reached; the token in memory serves until it expires';
  asyncLocalStorage.getStore()?.log.warn(message, { connectionId });
}

function inputOf(record: TokenRecord, reason: EnsureReason, minValidMs: number) {
  return { epoch: record.epoch, generation: record.generation, minValidMs, reason };
}

function failureOf(
  decision: Exclude<CallerDecision, { action: 'serve' | 'ask' }>,
  record: TokenRecord,
) {
  const { connectionId } = record;
  if (decision.action === 'fail') {
    return recordedFailure(decision.type, { connectionId, final: true });
  }
  const { type, retryAt } = decision;
  return recordedFailure(type, {
    connectionId,
    nextRetryDelayMs:
      retryAt === null ? undefined : callerDelayMs(retryAt, record.now, Math.random()),
  });
}
