import { LRUCache } from 'lru-cache';
import type { ConnectionRecord } from '../contract/connection-record.js';
import { failure } from '../failures.js';
import { StoreError, readConnection, type TokenDatabase } from '../store/index.js';
import { SingleFlight, within } from './single-flight.js';

/** Where a connection's token may go and what may come back. */
export interface ApiRules {
  allowedOrigins: ReadonlySet<string>;
  /** Response headers `callApi` may return beyond the usual ones, lower-case. */
  responseHeaders: readonly string[];
  /** Workflow types that may use the connection through the activities; null: any. */
  callerWorkflowTypes: readonly string[] | null;
}

/** The rules of a connection as it is stored. */
export function apiRulesOf({ api }: Pick<ConnectionRecord, 'api'>): ApiRules {
  return {
    allowedOrigins: new Set(api.allowedOrigins),
    responseHeaders: api.responseHeaders,
    callerWorkflowTypes: api.callers?.workflowTypes ?? null,
  };
}

/** Rules unused for this share of their age beyond it are looked up before they are used. */
const IDLE_SHARE = 0.2;
const LOOK_UP_MS = 1_000;

interface Entry {
  rules: ApiRules;
  recheckAt: number;
  /** The last look-up found no store: do not let callers wait for the next one. */
  storeFailed: boolean;
}

/** Reads the rules of connections and keeps them as long as tokens are kept unchecked. */
export class ApiRulesReader {
  readonly #database: TokenDatabase;
  readonly #entries: LRUCache<string, Entry>;
  readonly #maxAgeMs: number;
  readonly #reads = new SingleFlight<ApiRules>();

  constructor(database: TokenDatabase, maxEntries: number, maxAgeMs: number) {
    this.#database = database;
    this.#entries = new LRUCache({ max: maxEntries });
    this.#maxAgeMs = maxAgeMs;
  }

  /**
   * The rules of a connection: of those that are used all the time at most `maxAgeMs` old, and of
   * those that nobody used for longer as new as their look-up, if MongoDB answers in a second. While
   * it cannot be reached the known ones hold.
   *
   * @throws ApplicationFailure `Connection.not_found`; StoreError `unavailable`
   */
  async get(connectionId: string): Promise<ApiRules> {
    const entry = this.#entries.get(connectionId);
    const now = performance.now();
    if (entry !== undefined && now < entry.recheckAt) return entry.rules;
    if (entry === undefined) return this.#read(connectionId);
    const idle = !entry.storeFailed && now >= entry.recheckAt + this.#maxAgeMs * IDLE_SHARE;
    entry.recheckAt = now + this.#maxAgeMs;
    const read = this.#read(connectionId).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      entry.storeFailed = true;
      return entry.rules;
    });
    if (idle) return (await within(read, LOOK_UP_MS)) ?? entry.rules;
    // The next caller meets what it says.
    read.catch(() => undefined);
    return entry.rules;
  }

  #read(connectionId: string): Promise<ApiRules> {
    return this.#reads.run(connectionId, async () => {
      const found = await readConnection(this.#database, connectionId);
      if (found === null) {
        this.#entries.delete(connectionId);
        throw failure('Connection.not_found', { connectionId });
      }
      const rules = apiRulesOf(found.connection);
      const recheckAt = performance.now() + this.#maxAgeMs;
      this.#entries.set(connectionId, { rules, recheckAt, storeFailed: false });
      return rules;
    });
  }
}
