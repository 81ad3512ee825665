import type { ClientSession } from 'mongodb';
import type { TokenDatabase } from './database.js';
import { storeOperation } from './errors.js';

/**
 * Writes to connections and tokens together or not at all, so that a token request never pairs the
 * secrets of one configuration with the endpoint of another, not even after a crash in between.
 *
 * @param what - the change in our words, for the message
 * @param run - writes through the database it is given; false: the records had moved
 * @returns whether everything was written; false: nothing was, read again and repeat
 * @throws StoreError `conflict` when another write came first, `unavailable`
 */
export async function inTransaction(
  database: TokenDatabase,
  what: string,
  run: (bound: TokenDatabase) => Promise<boolean>,
): Promise<boolean> {
  const session = database.client.startSession();
  try {
    session.startTransaction({
      readConcern: { level: 'snapshot' },
      writeConcern: { w: 'majority', journal: true },
    });
    if (!(await run({ ...database, session }))) {
      await session.abortTransaction();
      return false;
    }
    await storeOperation(what, () => session.commitTransaction());
    return true;
  } finally {
    // Ends the transaction too, when it was not committed.
    await session.endSession();
  }
}

/** The options that make an operation part of the transaction, if there is one. */
export function sessionOf({ session }: TokenDatabase): { session?: ClientSession } {
  return session === undefined ? {} : { session };
}
