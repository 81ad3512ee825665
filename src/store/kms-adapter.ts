/** A key that a KMS has wrapped. None of it is a secret without the KMS. */
export interface WrappedKey {
  wrapped: Uint8Array;
  /** Which key of the KMS wrapped it: an ARN, a resource name, a name. */
  keyRef: string;
}

/**
 * How an external key management service wraps sealing keys: what an adapter for AWS, GCP, Azure,
 * Vault or another one implements, with a client of its own. `checkKmsAdapter` of
 * `temporal-oauth-tokens/testing` says whether it does.
 *
 * An adapter keeps no key, changes no array it is given, and throws when a key cannot be wrapped or
 * unwrapped; what it throws is not passed on, because it may quote a request.
 */
export interface KmsAdapter {
  /** Short name, stored with each key: `aws`, `gcp`, `azure`, `vault`… */
  readonly id: string;
  /**
   * Wraps 32 bytes, bound to the context: AWS calls it the encryption context, others the
   * additional authenticated data. Its members may come in any order.
   */
  wrap(key: Uint8Array, aad: Readonly<Record<string, string>>): Promise<WrappedKey>;
  /** Unwraps; throws when wrapped or the context are not what they were, or `keyRef` is another. */
  unwrap(wrapped: WrappedKey, aad: Readonly<Record<string, string>>): Promise<Uint8Array>;
  /** Makes 32 bytes and wraps them in one go, where the service can. */
  generate?(aad: Readonly<Record<string, string>>): Promise<WrappedKey & { key: Uint8Array }>;
}
