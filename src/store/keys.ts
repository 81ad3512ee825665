import type { CryptoKey } from 'jose';
/** What a key may open: `access` tokens; or `grant`: refresh tokens and client secrets. */
export type KeyPurpose = 'access' | 'grant';

/** A key as `list` shows it. */
export interface KeyInfo {
  kid: string;
  purpose: string;
  /** New values of its purpose are sealed with it. */
  active: boolean;
}

/**
 * Where sealing keys come from. The built-in one reads a JWK set file
 * ({@link createFileKeyProvider}); keys are AES-KW, 256 bit, and need not be extractable.
 */
export interface KeyProvider {
  /** The key that seals new values of a purpose. */
  active(purpose: KeyPurpose): Promise<{ kid: string; key: CryptoKey }>;
  /** The key of an id; undefined: not here (retryable, never a reason to authorize anew). */
  get(kid: string): Promise<CryptoKey | undefined>;
  list(): Promise<KeyInfo[]>;
}
