import type { Network } from '../network.js';
import type { Journal, KeyProvider, TokenDatabase } from '../store/index.js';

/** What the activities on the issue task queue work with. */
export interface IssueDependencies {
  database: TokenDatabase;
  keys: KeyProvider;
  network: Network;
  /** Who makes token requests, for people who read a record. */
  worker: string;
  /** The lifecycle keeps its opt-in search attributes up to date. */
  searchAttributes: boolean;
  /** Keeps answers on this worker's disk until they are committed; null: it does not. */
  journal: Journal | null;
}
