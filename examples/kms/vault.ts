// Vault's transit engine over its HTTP API, with a key of type `aes256-gcm96`. Policies:
// `transit/decrypt/<name>` for workers and applications, `transit/encrypt/<name>` for whoever
// generates keys.
import type { KmsAdapter } from 'temporal-oauth-tokens';

/** Sends one request and returns the answer's `data`; throws for any other status than 200. */
export type VaultRequest = (
  path: string,
  body: Record<string, string>,
) => Promise<Record<string, unknown>>;

/** @param name - of the transit key; its versions are Vault's business */
export function createVaultKmsAdapter(
  request: VaultRequest,
  name: string,
  mount = 'transit',
): KmsAdapter {
  const ref = `${mount}/${name}`;
  const context = (aad: Readonly<Record<string, string>>) => ({
    associated_data: base64(Buffer.from(JSON.stringify(Object.entries(aad).sort()))),
  });
  return {
    id: 'vault',
    async wrap(key, aad) {
      const body = { plaintext: base64(key), ...context(aad) };
      const { ciphertext } = await request(`${mount}/encrypt/${name}`, body);
      if (typeof ciphertext !== 'string') throw new Error('Vault answered without ciphertext');
      return { wrapped: Buffer.from(ciphertext), keyRef: ref };
    },
    async unwrap({ wrapped, keyRef }, aad) {
      if (keyRef !== ref) throw new Error('wrapped by another key');
      const body = { ciphertext: Buffer.from(wrapped).toString('utf8'), ...context(aad) };
      const { plaintext } = await request(`${mount}/decrypt/${name}`, body);
      if (typeof plaintext !== 'string') throw new Error('Vault answered without plaintext');
      return Uint8Array.from(Buffer.from(plaintext, 'base64'));
    },
  };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
