import type { CryptoKey } from 'jose';
import { purposeOf, type KeyProvider } from './keys.js';

/**
 * A key for message authentication, derived from a `grant` key: for one use, and never the sealing
 * key itself. A key that applications hold too (`access`) makes none.
 *
 * AES key wrap is deterministic (RFC 3394), so wrapping a digest makes a key from one that cannot be
 * exported.
 *
 * @param use - what it is for; another use has another key
 * @param kid - the key to derive it from; not given: the active one
 * @returns null when there is no `grant` key of this id
 * @throws StoreError `key_unavailable`
 */
export async function deriveMacKey(
  keys: KeyProvider,
  use: string,
  kid?: string,
): Promise<{ kid: string; key: CryptoKey } | null> {
  const chosen = kid === undefined ? await keys.active('grant') : await grantKey(keys, kid);
  if (chosen === null) return null;
  const input = new TextEncoder().encode(JSON.stringify(['oat1-mac', use]));
  const digest = await crypto.subtle.digest('SHA-256', input);
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const asKey = await crypto.subtle.importKey('raw', digest, hmac, true, ['sign']);
  const wrapped = await crypto.subtle.wrapKey('raw', asKey, chosen.key, 'AES-KW');
  const raw = await crypto.subtle.digest('SHA-256', wrapped);
  const key = await crypto.subtle.importKey('raw', raw, hmac, false, ['sign', 'verify']);
  return { kid: chosen.kid, key };
}

async function grantKey(
  keys: KeyProvider,
  kid: string,
): Promise<{ kid: string; key: CryptoKey } | null> {
  if ((await purposeOf(keys, kid)) !== 'grant') return null;
  const key = await keys.get(kid);
  return key === undefined ? null : { kid, key };
}
