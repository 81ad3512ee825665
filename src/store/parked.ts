import type { TokenDatabase } from './database.js';
import { storeOperation } from './errors.js';

/** A workflow that waits until a connection is authorized. */
export interface ParkedWorkflow {
  connectionId: string;
  workflowId: string;
  runId: string;
}

/** A document of `parked`. */
export interface ParkedDocument extends ParkedWorkflow {
  /** Connection, workflow and run: one workflow may wait for several connections. */
  _id: string;
  /** When it last said that it waits; a TTL index ends those that have not for a week. */
  at: Date;
}

/** Registers a workflow for the wake-up, or says again that it waits. */
export async function registerParked(
  database: TokenDatabase,
  { connectionId, workflowId, runId }: ParkedWorkflow,
): Promise<void> {
  const literal = { connectionId, workflowId: { $literal: workflowId }, runId };
  await storeOperation('register a waiting workflow', () =>
    database.parked.updateOne(
      { _id: `${connectionId}/${workflowId}/${runId}` },
      [{ $set: { ...literal, at: '$$NOW' } }],
      { upsert: true },
    ),
  );
}

/** The next workflows that wait for a connection, at most `limit`, in the order of their ids. */
export async function listParked(
  database: TokenDatabase,
  connectionId: string,
  page: { limit: number; after: string | null },
): Promise<ParkedDocument[]> {
  const after = page.after === null ? {} : { _id: { $gt: page.after } };
  return storeOperation('list waiting workflows', () =>
    database.parked
      .find({ connectionId, ...after })
      .sort({ _id: 1 })
      .limit(page.limit)
      .toArray(),
  );
}

/**
 * Forgets workflows that were woken. One that has registered again since it was read is kept: it waits
 * for the next wake-up.
 */
export async function forgetParked(
  database: TokenDatabase,
  woken: readonly ParkedDocument[],
): Promise<void> {
  if (woken.length === 0) return;
  await storeOperation('forget woken workflows', () =>
    database.parked.bulkWrite(
      woken.map(({ _id, at }) => ({ deleteOne: { filter: { _id, at } } })),
      { ordered: false },
    ),
  );
}
