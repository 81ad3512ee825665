import type { Network } from '../network.js';
import type { KeySets } from '../oauth/index.js';
import type { LifecycleClient, NoticeClient } from '../tokens/index.js';
import type { EventTargets } from './event-targets.js';
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
  /** Wakes those who wait, and starts the delivery of events. */
  notices: NoticeClient;
  /** Where events go; null: nobody is told, and nothing is done for it. */
  events: EventTargets | null;
  /** Told when a consent has started the next epoch. */
  lifecycle: Pick<LifecycleClient, 'configure'>;
}

/** What redeeming an authorization needs besides. */
export interface RedemptionDependencies extends IssueDependencies {
  /** The keys that ID tokens are signed with. */
  keySets: KeySets;
}
