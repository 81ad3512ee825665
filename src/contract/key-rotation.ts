/** Input of `rotateKeys`. Key ids are no secrets. */
export interface RotateKeysInput {
  /** The keys to seal with, by purpose; not given: those active in the worker that plans. */
  active?: { access?: string; grant?: string };
  /** What earlier runs of the same workflow did, which continued as this one. */
  before?: RotationTotals;
}

/** What a rotation has done so far. */
export interface RotationTotals {
  /** Records sealed anew. */
  resealed: number;
  /** Writes that somebody else's came before; such a record is looked at again. */
  conflicts: number;
  /** Since it began, in milliseconds. */
  durationMs: number;
}

/** Result of `rotateKeys`. */
export interface RotateKeysResult extends RotationTotals {
  /** Records that still need a key that does not seal any more; 0: done. */
  left: number;
  /** Of these, records with a value that does not open with its key. */
  unreadable: number;
  /** Keys that no record needs any more. */
  retired: string[];
  /** The keys everything is sealed with now. */
  active: { access: string; grant: string };
}

/** What there is to do, as `planKeyRotation` found it. */
export interface KeyRotationPlan {
  active: { access: string; grant: string };
  /** The keys to take values from, older than the active ones, with the records of each. */
  stale: { kid: string; records: number }[];
  /** Records that need one of them, each counted once. */
  left: number;
}

/** Where a pass over the records stands: everything up to here was looked at. */
export interface ResealCursor {
  collection: 'connections' | 'tokens';
  /** Of {@link ResealRecordsInput.stale}. */
  kid: string;
  /** The last connection id that was looked at; null: none. */
  after: string | null;
}

/** Input of `resealRecords`. */
export interface ResealRecordsInput {
  active: { access: string; grant: string };
  /** Ids of the keys to take values from. */
  stale: string[];
  /** Null: from the beginning. */
  cursor: ResealCursor | null;
}

/** What a slice of a pass did. */
export interface ResealRecordsResult {
  resealed: number;
  conflicts: number;
  /** Records left alone because a token request is under way. */
  busy: number;
  unreadable: number;
  /** How long it took, in milliseconds. */
  elapsedMs: number;
  /** Where to go on; null: the pass is over. */
  cursor: ResealCursor | null;
}

/** The first place of a pass, or the one after a place whose records are all done; null: none. */
export function nextPlace(stale: string[], cursor: ResealCursor | null): ResealCursor | null {
  if (cursor?.collection === 'connections') {
    return { collection: 'tokens', kid: cursor.kid, after: null };
  }
  const kid = stale[cursor === null ? 0 : stale.indexOf(cursor.kid) + 1];
  return kid === undefined ? null : { collection: 'connections', kid, after: null };
}

/** What a key's provider tells about it. */
interface KnownKey {
  kid: string;
  purpose: string;
  state: 'created' | 'active' | 'open-only';
  activeFrom?: string | undefined;
}

/**
 * The keys to take values from: those of a purpose that are older than the one that seals. A newer
 * one is left alone, whoever's clock or key file is behind: else two rotations undo each other.
 */
export function staleKeys(keys: KnownKey[], active: { access: string; grant: string }): string[] {
  const targets = new Map(keys.map((key) => [key.kid, key]));
  return keys
    .filter(({ purpose }) => purpose === 'access' || purpose === 'grant')
    .filter((key) => {
      const target = targets.get(key.purpose === 'access' ? active.access : active.grant);
      if (target === undefined || target.kid === key.kid) return false;
      const from = [key.activeFrom, target.activeFrom].map((at) => Date.parse(at ?? ''));
      const [mine = Number.NaN, theirs = Number.NaN] = from;
      // Without times the state tells.
      return Number.isNaN(mine) || Number.isNaN(theirs) ? key.state !== 'created' : mine <= theirs;
    })
    .map(({ kid }) => kid);
}
