import {
  accessTokenContext,
  commitOverSibling,
  commitTokenSet,
  openSealed,
  prepareSealer,
  readConnection,
  readToken,
  refreshTokenContext,
  StoreError,
  type Journal,
  type JournalEntry,
  type ReadConnection,
  type SealContext,
  type SealedValue,
} from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';

type ReplayDependencies = Pick<IssueDependencies, 'database' | 'keys'> & { journal: Journal };

/**
 * Rule R1: commits what a worker on this disk received and could not commit. Safe to run twice, and
 * beside a worker that is about to commit the same: the attempt's id says whose answer it is.
 *
 * @returns whether there was an answer of this attempt: the record has to be read again
 * @throws StoreError
 */
export async function replayAttempt(
  dependencies: ReplayDependencies,
  attemptId: string,
): Promise<boolean> {
  const { database, journal } = dependencies;
  const entry = await journal.read(attemptId);
  if (entry === null) return false;
  const { connectionId } = entry.parent;
  const [connection, token] = await Promise.all([
    readConnection(database, connectionId),
    readToken(database, connectionId),
  ]);
  if (connection !== null && token !== null) {
    // From when it was sent, on MongoDB's clock: what is left of its life is never overrated.
    const elapsedMs = token.record.now - entry.tokens.sentAt.getTime();
    const found = await commitTokenSet(database, entry.parent, { ...entry.tokens, elapsedMs });
    if (found.result === 'older_sibling') {
      const tokens = await sealedAfter(dependencies, connection, entry, found.generation);
      await commitOverSibling(database, entry.parent, { ...tokens, elapsedMs }, found.generation);
    }
  }
  await journal.release(attemptId);
  return true;
}

/** What became of the answers on a disk. */
export interface Replayed {
  committed: number;
  /** They need a key that is not there, and wait for it. */
  kept: number;
}

/**
 * Replays everything that lies on this disk, for a worker that starts.
 *
 * @throws StoreError `unavailable`
 */
export async function replayJournal(dependencies: ReplayDependencies): Promise<Replayed> {
  const attemptIds = await dependencies.journal.list(Date.now());
  const replayed: Replayed = { committed: 0, kept: 0 };
  for (const attemptId of attemptIds) {
    try {
      if (await replayAttempt(dependencies, attemptId)) replayed.committed += 1;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code === 'unavailable') throw error;
      replayed.kept += 1;
    }
  }
  return replayed;
}

/** The tokens sealed anew for the generation after an older sibling's (rule R8). */
async function sealedAfter(
  { database, keys }: ReplayDependencies,
  { connection }: ReadConnection,
  { parent, tokens }: JournalEntry,
  generation: number,
): Promise<JournalEntry['tokens']> {
  const from = { ...parent, generation: parent.generation + 1 };
  const to = { ...parent, generation: generation + 1 };
  const move = async (
    sealed: SealedValue | null,
    purpose: 'access' | 'grant',
    contextOf: (place: typeof to) => SealContext,
  ): Promise<SealedValue | null> => {
    if (sealed === null) return null;
    const sealer = await prepareSealer(keys, purpose);
    return sealer.seal(contextOf(to), await openSealed(keys, sealed, contextOf(from)));
  };
  const [access, grant] = await Promise.all([
    move(tokens.access, 'access', (place) => accessTokenContext(database, place)),
    move(tokens.grant, 'grant', (place) => refreshTokenContext(database, place, connection)),
  ]);
  return { ...tokens, access, grant };
}
