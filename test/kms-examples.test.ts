/** The adapters of docs/kms.md, on stand-ins that answer as the services do. */
import { describe, expect, it } from 'vitest';
import { createAwsKmsAdapter, type AwsKms } from '../examples/kms/aws.js';
import { createAzureKmsAdapter, type AzureCryptography } from '../examples/kms/azure.js';
import { crc32c, createGcpKmsAdapter, type GcpKms } from '../examples/kms/gcp.js';
import { createVaultKmsAdapter, type VaultRequest } from '../examples/kms/vault.js';
import { checkKmsAdapter } from '../src/testing/index.js';
import { createBox } from './support/local-kms.js';
import { randomBytes } from 'node:crypto';

function awsKms(): AwsKms {
  const box = createBox();
  const bytes = (context: Record<string, string>) =>
    Buffer.from(JSON.stringify(Object.entries(context).sort()));
  return {
    encrypt: async ({ KeyId, Plaintext, EncryptionContext }) => ({
      KeyId,
      CiphertextBlob: box.sealWhole(Plaintext, bytes(EncryptionContext)),
    }),
    decrypt: async ({ KeyId, CiphertextBlob, EncryptionContext }) => ({
      KeyId,
      Plaintext: box.openWhole(CiphertextBlob, bytes(EncryptionContext)),
    }),
    generateDataKey: async ({ KeyId, EncryptionContext }) => {
      const Plaintext = Uint8Array.from(randomBytes(32));
      return {
        ...{ KeyId, Plaintext },
        CiphertextBlob: box.sealWhole(Plaintext, bytes(EncryptionContext)),
      };
    },
  };
}

function gcpKms(damage = false): GcpKms {
  const box = createBox();
  return {
    encrypt: async ({ plaintext, additionalAuthenticatedData: aad }) => {
      const ciphertext = box.sealWhole(plaintext, aad);
      return [
        {
          ciphertext,
          ciphertextCrc32c: { value: crc32c(ciphertext) + (damage ? 1 : 0) },
          verifiedPlaintextCrc32c: true,
          verifiedAdditionalAuthenticatedDataCrc32c: true,
        },
      ];
    },
    decrypt: async ({ ciphertext, additionalAuthenticatedData: aad }) => {
      const plaintext = box.openWhole(ciphertext, aad);
      return [{ plaintext, plaintextCrc32c: { value: String(crc32c(plaintext)) } }];
    },
  };
}

function azureClient(): AzureCryptography {
  const box = createBox();
  return {
    encrypt: async ({ plaintext, additionalAuthenticatedData }) => {
      const { iv, tag, ciphertext } = box.seal(plaintext, additionalAuthenticatedData);
      return { result: ciphertext, iv, authenticationTag: tag };
    },
    decrypt: async ({ ciphertext, iv, authenticationTag: tag, additionalAuthenticatedData }) => ({
      result: box.open({ iv, tag, ciphertext }, additionalAuthenticatedData),
    }),
  };
}

function vault(): VaultRequest {
  const box = createBox();
  const bytes = (text: string | undefined) => Buffer.from(text ?? '', 'base64');
  return async (path, { plaintext, ciphertext = '', associated_data }) => {
    const context = bytes(associated_data);
    if (path.startsWith('transit/encrypt/')) {
      const sealed = Buffer.from(box.sealWhole(bytes(plaintext), context));
      return { ciphertext: `vault:v1:${sealed.toString('base64')}` };
    }
    if (!/^vault:v1:[A-Za-z0-9+/]+=*$/.test(ciphertext)) throw new Error('400 invalid ciphertext');
    const opened = box.openWhole(bytes(ciphertext.slice('vault:v1:'.length)), context);
    return { plaintext: Buffer.from(opened).toString('base64') };
  };
}

describe('the adapter for', () => {
  it('AWS KMS keeps the contract', () =>
    checkKmsAdapter(createAwsKmsAdapter(awsKms(), 'arn:aws:kms:eu-central-1:1:key/a')));

  it('AWS KMS does not take the word of another key', async () => {
    const kms = awsKms();
    const other: AwsKms = {
      ...kms,
      decrypt: async (input) => ({ ...(await kms.decrypt(input)), KeyId: 'arn:other' }),
    };
    const adapter = createAwsKmsAdapter(other, 'arn:aws:kms:eu-central-1:1:key/a');
    const wrapped = await adapter.wrap(new Uint8Array(32), {});
    await expect(adapter.unwrap(wrapped, {})).rejects.toThrow('another key');
  });

  it('Google Cloud KMS keeps the contract', () =>
    checkKmsAdapter(
      createGcpKmsAdapter(gcpKms(), 'projects/p/locations/l/keyRings/r/cryptoKeys/k'),
    ));

  it('Google Cloud KMS notices a damaged answer', async () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    const adapter = createGcpKmsAdapter(gcpKms(true), 'k');
    await expect(adapter.wrap(new Uint8Array(32), {})).rejects.toThrow('damaged');
  });

  it('Azure Managed HSM keeps the contract', () =>
    checkKmsAdapter(createAzureKmsAdapter(azureClient(), 'https://hsm.example/keys/k/1')));

  it('Vault keeps the contract', () =>
    checkKmsAdapter(createVaultKmsAdapter(vault(), 'oauth-tokens')));
});
