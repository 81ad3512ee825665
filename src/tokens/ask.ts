import { LRUCache } from 'lru-cache';
import type { EnsureTokenInput } from '../contract/messages.js';
import { ensureTokenUpdateId } from '../contract/names.js';
import type { TokenRecord } from '../contract/token-record.js';
import type { LifecycleAccess } from './lifecycle-access.js';
import type { EnsureTokenAnswer } from './lifecycle-client.js';
import { SingleFlight, pause, within } from './single-flight.js';

/** How long one question waits, and how long the next one keeps its id. */
const BUCKET_MS = 10_000;
/** Questions remembered, so that none is asked twice under one id. */
const MAX_REMEMBERED = 10_000;

/** How long a caller still waits, and when it wants to look at the record again. */
export interface AskPatience {
  leftMs: number;
  /** The record may say more than an answer that has not come: look at it after this time. */
  lookAfterMs: number;
  signal: AbortSignal | undefined;
}

/** Asks the lifecycle for tokens; callers of one process share one question. */
export class Asker {
  readonly #lifecycle: LifecycleAccess;
  readonly #questions = new SingleFlight<EnsureTokenAnswer>();
  readonly #answered = new LRUCache<string, EnsureTokenAnswer['outcome']>({ max: MAX_REMEMBERED });
  readonly #nudging = new Set<string>();

  constructor(lifecycle: LifecycleAccess) {
    this.#lifecycle = lifecycle;
  }

  /**
   * Asks for a token after the one in the record. The first question goes under the record's own
   * id; once that is answered, the next goes under the id of its ten seconds, so that processes
   * join and nobody asks more often.
   *
   * @returns the answer, or `no_answer` when it is time to look at the record again
   */
  async ask(
    record: TokenRecord,
    input: EnsureTokenInput,
    patience: AskPatience,
  ): Promise<EnsureTokenAnswer> {
    const waitMs = Math.min(patience.leftMs, patience.lookAfterMs);
    const now = Date.now();
    const bucket = this.#wasAnswered(record) ? Math.floor(now / BUCKET_MS) : undefined;
    if (this.#wasAnswered(record, bucket)) {
      await pause(Math.min(waitMs, BUCKET_MS - (now % BUCKET_MS)), patience.signal);
      return { outcome: 'no_answer' };
    }
    const answer = await within(this.#question(record, input, bucket), waitMs, patience.signal);
    return answer ?? { outcome: 'no_answer' };
  }

  /**
   * Asks for a refresh in the background, once for a state of the record; again only when the
   * first question got lost.
   *
   * @param then - what to do when the answer is there; its failure is left to the next caller, who
   *   meets it in the foreground
   */
  nudge(record: TokenRecord, input: EnsureTokenInput, then: () => Promise<void>): void {
    const first = this.#answered.get(ensureTokenUpdateId(record));
    const lost = first !== undefined && !['issued', 'current', 'failed'].includes(first);
    if (first !== undefined && !lost) return;
    const bucket = lost ? Math.floor(Date.now() / BUCKET_MS) : undefined;
    if (this.#wasAnswered(record, bucket)) return;
    const id = ensureTokenUpdateId(record, bucket);
    if (this.#nudging.has(id)) return;
    this.#nudging.add(id);
    void this.#question(record, input, bucket)
      .then(then)
      .catch(() => undefined)
      .finally(() => this.#nudging.delete(id));
  }

  #wasAnswered(record: TokenRecord, bucket?: number): boolean {
    return this.#answered.has(ensureTokenUpdateId(record, bucket));
  }

  #question(
    record: TokenRecord,
    input: EnsureTokenInput,
    bucket: number | undefined,
  ): Promise<EnsureTokenAnswer> {
    const id = ensureTokenUpdateId(record, bucket);
    return this.#questions.run(id, async () => {
      const lifecycle = await this.#lifecycle.get();
      const key = bucket === undefined ? record : { ...record, bucket };
      const answer = await lifecycle.ensureToken(record.connectionId, key, input, BUCKET_MS);
      this.#answered.set(id, answer.outcome);
      return answer;
    });
  }
}
