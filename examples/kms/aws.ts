// `new KMS({})` of @aws-sdk/client-kms has these methods. Rights: `kms:Decrypt` for workers and
// applications, `kms:GenerateDataKey` only for whoever generates keys; a condition on
// `kms:EncryptionContext:purpose` keeps applications to access keys.
import type { KmsAdapter } from 'temporal-oauth-tokens';

interface Sealed {
  KeyId: string;
  EncryptionContext: Record<string, string>;
}

export interface AwsKms {
  encrypt(input: Sealed & { Plaintext: Uint8Array }): Promise<AwsAnswer>;
  decrypt(input: Sealed & { CiphertextBlob: Uint8Array }): Promise<AwsAnswer>;
  generateDataKey(input: Sealed & { KeySpec: 'AES_256' }): Promise<AwsAnswer>;
}

export interface AwsAnswer {
  KeyId?: string | undefined;
  CiphertextBlob?: Uint8Array | undefined;
  Plaintext?: Uint8Array | undefined;
}

/** @param keyArn - ARN of a symmetric KMS key; an alias would move under the stored keys */
export function createAwsKmsAdapter(kms: AwsKms, keyArn: string): KmsAdapter {
  const context = (aad: Readonly<Record<string, string>>) => ({
    KeyId: keyArn,
    EncryptionContext: { ...aad },
  });
  return {
    id: 'aws',
    async wrap(key, aad) {
      const answer = await kms.encrypt({ ...context(aad), Plaintext: key });
      return { wrapped: present(answer.CiphertextBlob), keyRef: keyArn };
    },
    async unwrap({ wrapped, keyRef }, aad) {
      if (keyRef !== keyArn) throw new Error('wrapped by another key');
      const answer = await kms.decrypt({ ...context(aad), CiphertextBlob: wrapped });
      // The answer says which key it was.
      if (answer.KeyId !== keyArn) throw new Error('unwrapped by another key');
      return present(answer.Plaintext);
    },
    async generate(aad) {
      const answer = await kms.generateDataKey({ ...context(aad), KeySpec: 'AES_256' });
      const wrapped = present(answer.CiphertextBlob);
      return { key: present(answer.Plaintext), wrapped, keyRef: keyArn };
    },
  };
}

function present(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new Error('KMS answered without bytes');
  return bytes;
}
