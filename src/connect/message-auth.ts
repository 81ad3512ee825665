import { StoreError, deriveMacKey, type KeyProvider } from '../store/index.js';

/** Signs texts for one use each, with keys derived from `grant` keys. */
export interface MessageAuth {
  /**
   * The code of a text.
   *
   * @param kid - the key to make it with; not given: the active one
   */
  sign(use: string, text: string, kid?: string): Promise<string>;
  /**
   * Whether a code belongs to a text, compared in constant time.
   *
   * @param signed - the code; without the id of its key the active one is taken
   */
  verify(use: string, text: string, signed: { kid?: string; code: string }): Promise<boolean>;
}

const CODE = /^[\w-]{43}$/;

/** Makes a {@link MessageAuth}. Keys are looked up each time: one that is taken away opens nothing. */
export function createMessageAuth(keys: KeyProvider): MessageAuth {
  return {
    async sign(use, text, kid) {
      const derived = await deriveMacKey(keys, use, kid);
      if (derived === null) throw new StoreError('key_unavailable', 'A grant key has just gone.');
      const code = await crypto.subtle.sign('HMAC', derived.key, bytesOf(text));
      return Buffer.from(code).toString('base64url');
    },
    async verify(use, text, { kid, code }) {
      if (!CODE.test(code)) return false;
      const derived = await deriveMacKey(keys, use, kid);
      if (derived === null) return false;
      const bytes = Buffer.from(code, 'base64url');
      return crypto.subtle.verify('HMAC', derived.key, bytes, bytesOf(text));
    },
  };
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
