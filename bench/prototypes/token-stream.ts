import type { ChangeStream, ChangeStreamDocument, Collection, Document } from 'mongodb';
import type { TokenDocument } from '../../src/store/index.js';

/** What a listener of moved records is told. */
export interface TokenStreamListener {
  /** A record moved: its token in memory is to be looked up again. */
  moved(connectionId: string): void;
  /** Records may have moved unheard: everything in memory is to be looked up again. */
  gap(): void;
}

/** A running stream. */
export interface TokenStream {
  close(): Promise<void>;
}

/** A commit, a refusal, a `put`, a removal; not the intent of a request, which changes no token. */
const MOVED: Document[] = [
  {
    $match: {
      $or: [
        { operationType: { $in: ['replace', 'delete', 'invalidate', 'drop'] } },
        { 'updateDescription.updatedFields.generation': { $exists: true } },
        { 'updateDescription.updatedFields.epoch': { $exists: true } },
        { 'updateDescription.updatedFields.state': { $exists: true } },
        { 'updateDescription.updatedFields.invalid': { $exists: true } },
      ],
    },
  },
  // The id only: neither sealed tokens nor anything else leaves the server.
  { $project: { operationType: 1, documentKey: 1 } },
];

const RETRY_MS = 500;

/**
 * Prototype: hears of moved token records by a change stream instead of looking them up. The driver
 * resumes a broken stream by itself where it can; where it cannot, a new stream is opened and the gap
 * is told.
 */
export function watchTokens(
  tokens: Collection<TokenDocument>,
  listener: TokenStreamListener,
): TokenStream {
  let stream: ChangeStream<TokenDocument> | undefined;
  let closed = false;
  const tell = (event: ChangeStreamDocument<TokenDocument>): void => {
    if ('documentKey' in event) listener.moved(event.documentKey._id);
    else listener.gap();
  };
  async function listen(): Promise<void> {
    while (!closed) {
      try {
        stream = tokens.watch<TokenDocument>(MOVED);
        // Open first, then tell the gap: what moves from here on is heard.
        const first = await stream.tryNext();
        listener.gap();
        if (first !== null) tell(first);
        for await (const event of stream) tell(event);
      } catch {
        // Whatever broke it: what was missed is looked up, by the gap of the next stream.
        if (!closed) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
  const listening = listen();
  return {
    async close() {
      closed = true;
      await stream?.close();
      await listening;
    },
  };
}
