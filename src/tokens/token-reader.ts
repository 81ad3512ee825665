import { tokenRefOf, type TokenRecord } from '../contract/token-record.js';
import {
  openSealed,
  readToken,
  rejectGeneration,
  accessTokenContext,
  type KeyProvider,
  type ReadToken,
  type TokenDatabase,
} from '../store/index.js';
import { StoredAccessToken } from './access-token.js';
import { SingleFlight } from './single-flight.js';
import { recordNow, type TokenMemory } from './token-memory.js';

/** A record, and the monotonic time that its `now` belongs to. */
export interface TimedRead extends ReadToken {
  readAt: number;
}

/** Reads and opens token records; callers of one process share one read. */
export class TokenReader {
  readonly #database: TokenDatabase;
  readonly #keys: KeyProvider;
  readonly #memory: TokenMemory;
  readonly #reads = new SingleFlight<TimedRead | null>();

  constructor(database: TokenDatabase, keys: KeyProvider, memory: TokenMemory) {
    this.#database = database;
    this.#keys = keys;
    this.#memory = memory;
  }

  /**
   * Reads a record; null: there is none.
   *
   * @throws StoreError `unavailable`
   */
  read(connectionId: string): Promise<TimedRead | null> {
    return this.#reads.run(connectionId, async () => {
      const askedAt = performance.now();
      const found = await readToken(this.#database, connectionId);
      if (found === null) return null;
      // An answer may be long on its way: what it took is taken off what remains of the token.
      const readAt = performance.now();
      return { ...found, readAt, record: recordNow({ ...found, readAt: askedAt }, readAt) };
    });
  }

  /**
   * Opens a record's access token and keeps it in memory.
   *
   * @throws StoreError `key_unavailable` or `unreadable`
   */
  async open({ record, access, readAt }: TimedRead): Promise<StoredAccessToken> {
    const known = this.#memory.get(record.connectionId);
    const token =
      known !== undefined && isSameToken(known.record, record)
        ? known.token
        : await this.#openSealed(record, access);
    this.#memory.keep(record, token, readAt);
    return token;
  }

  /** Records that an API refused a generation; nothing up to it is kept or served here again. */
  async reject(record: TokenRecord): Promise<void> {
    this.#memory.dropUpTo(record.connectionId, record.generation);
    await rejectGeneration(this.#database, record);
  }

  async #openSealed(record: TokenRecord, access: ReadToken['access']): Promise<StoredAccessToken> {
    if (access === null) throw new TypeError('A record without an access token cannot be opened.');
    const context = accessTokenContext(this.#database, record);
    return new StoredAccessToken(record, await openSealed(this.#keys, access, context));
  }
}

function isSameToken(known: TokenRecord, read: TokenRecord): boolean {
  const a = tokenRefOf(known);
  const b = tokenRefOf(read);
  return (
    known.incarnation === read.incarnation &&
    a.epoch === b.epoch &&
    a.generation === b.generation &&
    a.expiresAt === b.expiresAt
  );
}
