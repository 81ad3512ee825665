// `new CryptographyClient(keyId, credential)` of @azure/keyvault-keys has these methods, with an AES
// key of a Managed HSM. An RSA key of a vault will not do: whoever knows its public half can wrap a
// key of their own, and RSA-OAEP binds no context.
import type { KmsAdapter } from 'temporal-oauth-tokens';

const IV_BYTES = 12;
const TAG_BYTES = 16;

export interface AzureCryptography {
  encrypt(parameters: {
    algorithm: 'A256GCM';
    plaintext: Uint8Array;
    additionalAuthenticatedData: Uint8Array;
  }): Promise<{ result: Uint8Array; iv?: Uint8Array; authenticationTag?: Uint8Array }>;
  decrypt(parameters: {
    algorithm: 'A256GCM';
    ciphertext: Uint8Array;
    iv: Uint8Array;
    authenticationTag: Uint8Array;
    additionalAuthenticatedData: Uint8Array;
  }): Promise<{ result: Uint8Array }>;
}

/** @param keyId - with its version, as the client has it */
export function createAzureKmsAdapter(client: AzureCryptography, keyId: string): KmsAdapter {
  const algorithm = 'A256GCM';
  const context = (aad: Readonly<Record<string, string>>) => ({
    additionalAuthenticatedData: Buffer.from(JSON.stringify(Object.entries(aad).sort())),
  });
  return {
    id: 'azure',
    async wrap(key, aad) {
      const made = await client.encrypt({ algorithm, plaintext: key, ...context(aad) });
      const { iv, authenticationTag: tag, result } = made;
      if (iv?.length !== IV_BYTES || tag?.length !== TAG_BYTES) throw new Error('no AES-GCM');
      return { wrapped: Buffer.concat([iv, tag, result]), keyRef: keyId };
    },
    async unwrap({ wrapped, keyRef }, aad) {
      if (keyRef !== keyId) throw new Error('wrapped by another key');
      const { result } = await client.decrypt({
        algorithm,
        iv: wrapped.subarray(0, IV_BYTES),
        authenticationTag: wrapped.subarray(IV_BYTES, IV_BYTES + TAG_BYTES),
        ciphertext: wrapped.subarray(IV_BYTES + TAG_BYTES),
        ...context(aad),
      });
      return result;
    },
  };
}
