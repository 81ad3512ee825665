import type { CryptoKey } from 'jose';

/** What a key may open: `access` tokens; or `grant`: refresh tokens and client secrets. */
export type KeyPurpose = 'access' | 'grant';

/**
 * Where a key is on its way: `created` opens and does not seal yet, `active` seals, `open-only` opens
 * what it sealed. One that no record needs any more is retired.
 */
export type KeyState = 'created' | 'active' | 'open-only';

/** A key as `list` shows it. */
export interface KeyInfo {
  kid: string;
  /** The same for ever: it is remembered. */
  purpose: string;
  /** New values of its purpose are sealed with it. */
  active: boolean;
  /** Not given: `active`, or `open-only` when it is not. */
  state?: KeyState;
  /** When it seals, or began to (ISO 8601 UTC): which of two keys is the newer one. */
  activeFrom?: string;
}

/**
 * Where sealing keys come from: a JWK set file ({@link createFileKeyProvider}) or a KMS
 * ({@link createKmsKeyProvider}); keys are AES-KW, 256 bit, and need not be extractable.
 */
export interface KeyProvider {
  /** The key that seals new values of a purpose. */
  active(purpose: KeyPurpose): Promise<{ kid: string; key: CryptoKey }>;
  /** The key of an id; undefined: not here (retryable, never a reason to authorize anew). */
  get(kid: string): Promise<CryptoKey | undefined>;
  /** Every key of this process. One that is not listed opens nothing: its purpose is not known. */
  list(): Promise<KeyInfo[]>;
}

/** The state of a key, of a provider that does not tell as well. */
export function stateOf({ state, active }: KeyInfo): KeyState {
  return state ?? (active ? 'active' : 'open-only');
}

/** Purposes by key id, of providers in use: a key never changes its purpose. */
const KNOWN = new WeakMap<KeyProvider, Map<string, string>>();

/** What a key is for; undefined: its provider does not list it. */
export async function purposeOf(keys: KeyProvider, kid: string): Promise<string | undefined> {
  const known = KNOWN.get(keys) ?? new Map<string, string>();
  KNOWN.set(keys, known);
  if (!known.has(kid)) {
    for (const info of await keys.list()) known.set(info.kid, info.purpose);
  }
  return known.get(kid);
}
