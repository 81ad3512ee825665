// `new KeyManagementServiceClient()` of @google-cloud/kms has these methods. Roles:
// `roles/cloudkms.cryptoKeyDecrypter` for workers and applications, `…Encrypter` for whoever
// generates keys.
import type { KmsAdapter } from 'temporal-oauth-tokens';

interface Checksum {
  value: number;
}

export interface GcpKms {
  encrypt(request: {
    name: string;
    plaintext: Uint8Array;
    plaintextCrc32c: Checksum;
    additionalAuthenticatedData: Uint8Array;
    additionalAuthenticatedDataCrc32c: Checksum;
  }): Promise<[GcpEncrypted, ...unknown[]]>;
  decrypt(request: {
    name: string;
    ciphertext: Uint8Array;
    ciphertextCrc32c: Checksum;
    additionalAuthenticatedData: Uint8Array;
    additionalAuthenticatedDataCrc32c: Checksum;
  }): Promise<[GcpDecrypted, ...unknown[]]>;
}

export interface GcpEncrypted {
  ciphertext?: Uint8Array | string | null;
  ciphertextCrc32c?: { value?: unknown } | null;
  verifiedPlaintextCrc32c?: boolean | null;
  verifiedAdditionalAuthenticatedDataCrc32c?: boolean | null;
}

export interface GcpDecrypted {
  plaintext?: Uint8Array | string | null;
  plaintextCrc32c?: { value?: unknown } | null;
}

/** @param name - `projects/…/locations/…/keyRings/…/cryptoKeys/…`; its versions are GCP's business */
export function createGcpKmsAdapter(kms: GcpKms, name: string): KmsAdapter {
  const context = (aad: Readonly<Record<string, string>>) => {
    const bytes = Buffer.from(JSON.stringify(Object.entries(aad).sort()));
    return {
      additionalAuthenticatedData: bytes,
      additionalAuthenticatedDataCrc32c: { value: crc32c(bytes) },
    };
  };
  return {
    id: 'gcp',
    async wrap(key, aad) {
      const plaintext = { plaintext: key, plaintextCrc32c: { value: crc32c(key) } };
      const [answer] = await kms.encrypt({ name, ...plaintext, ...context(aad) });
      const arrived =
        answer.verifiedPlaintextCrc32c === true &&
        answer.verifiedAdditionalAuthenticatedDataCrc32c === true;
      if (!arrived) throw new Error('the request was damaged on its way');
      return { wrapped: intact(answer.ciphertext, answer.ciphertextCrc32c), keyRef: name };
    },
    async unwrap({ wrapped, keyRef }, aad) {
      if (keyRef !== name) throw new Error('wrapped by another key');
      const ciphertext = { ciphertext: wrapped, ciphertextCrc32c: { value: crc32c(wrapped) } };
      const [answer] = await kms.decrypt({ name, ...ciphertext, ...context(aad) });
      return intact(answer.plaintext, answer.plaintextCrc32c);
    },
  };
}

function intact(
  bytes: Uint8Array | string | null | undefined,
  checksum: { value?: unknown } | null | undefined,
): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new Error('KMS answered without bytes');
  if (Number(checksum?.value) !== crc32c(bytes)) throw new Error('the answer was damaged');
  return bytes;
}

/** CRC-32C (Castagnoli), as Cloud KMS wants it. */
export function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
