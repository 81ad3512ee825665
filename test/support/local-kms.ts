/** A KMS in this process: AES-256-GCM under one key, and what services do to be slow or away. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KmsAdapter } from '../../src/index.js';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Seals bytes to a context, as the services do. */
export function createBox() {
  const key = randomBytes(32);
  return {
    seal(plaintext: Uint8Array, context: Uint8Array) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(context);
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return { iv, tag: cipher.getAuthTag(), ciphertext };
    },
    open(
      { iv, tag, ciphertext }: { iv: Uint8Array; tag: Uint8Array; ciphertext: Uint8Array },
      context: Uint8Array,
    ): Uint8Array {
      const options = { authTagLength: TAG_BYTES };
      const decipher = createDecipheriv('aes-256-gcm', key, iv, options);
      decipher.setAAD(context).setAuthTag(tag);
      return Uint8Array.from(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
    },
    /** In one piece. */
    sealWhole(plaintext: Uint8Array, context: Uint8Array): Uint8Array {
      const { iv, tag, ciphertext } = this.seal(plaintext, context);
      return Uint8Array.from(Buffer.concat([iv, tag, ciphertext]));
    },
    openWhole(whole: Uint8Array, context: Uint8Array): Uint8Array {
      const [iv, rest] = [whole.subarray(0, IV_BYTES), whole.subarray(IV_BYTES)];
      const [tag, ciphertext] = [rest.subarray(0, TAG_BYTES), rest.subarray(TAG_BYTES)];
      return this.open({ iv, tag, ciphertext }, context);
    },
  };
}

/** An adapter without a service behind it, and its switches. */
export interface LocalKms extends KmsAdapter {
  /** Every request fails. */
  down: boolean;
  /** How long a request takes, in milliseconds. */
  delayMs: number;
  /** Requests so far. */
  requests: number;
}

/** Makes a client of a local KMS; its keys are gone with it. */
export function createLocalKms(box = createBox()): LocalKms {
  const context = (aad: Readonly<Record<string, string>>) =>
    Buffer.from(JSON.stringify(Object.entries(aad).sort()));
  const served = async (): Promise<void> => {
    kms.requests += 1;
    if (kms.delayMs > 0) await sleep(kms.delayMs);
    if (kms.down) throw new Error('no KMS at kms.internal (planted-kms-error)');
  };
  const kms: LocalKms = {
    ...{ id: 'local', down: false, delayMs: 0, requests: 0 },
    async wrap(key, aad) {
      await served();
      return { wrapped: box.sealWhole(key, context(aad)), keyRef: 'local-key' };
    },
    async unwrap({ wrapped, keyRef }, aad) {
      await served();
      if (keyRef !== 'local-key') throw new Error('another key');
      return box.openWhole(wrapped, context(aad));
    },
  };
  return kms;
}
