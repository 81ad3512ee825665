/** One token request as the authorization server saw it, and what became of its answer. */
export interface Exchange {
  connectionId: string;
  grantType: string;
  /** The refresh token that was presented; null: none. */
  presented: string | null;
  /** `NAME/N`: the Nth token request that a worker sent. */
  sender?: string;
  /** `performance.now()` of the test process. */
  arrivedAt: number;
  /** When the server had done with it; null: not yet. */
  endedAt: number | null;
  /** What the server did: `dropped` is not processed at all. */
  did: 'issued' | 'refused' | 'dropped' | 'pending';
  accessToken: string | null;
  refreshToken: string | null;
  /** Every byte of the answer left, and it was a readable answer. */
  delivered: boolean;
  /**
   * What became of whoever asked: `killed` before the commit, `stopped` (it stood still beyond its
   * deadline, and lives), `superseded` (it lives, and the grant it asked for was replaced), or
   * `stranger`: another program, which keeps to no protocol.
   */
  asker: 'alive' | 'killed' | 'stopped' | 'superseded' | 'stranger';
}

/** Whoever asked knows what the server did. */
export function isKnown({ did, delivered, asker }: Exchange): boolean {
  return did !== 'pending' && delivered && asker === 'alive';
}

/** In which a faulty worker says who sends a token request. */
export const SENDER_HEADER = 'x-fault-sender';
