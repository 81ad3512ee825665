import type { TokenRef } from '../contract/messages.js';
import { tokenRefOf, type TokenRecord } from '../contract/token-record.js';
import { registerSecret } from '../known-secrets.js';
import { Secret } from '../secret.js';

/**
 * An access token in a process: its token ref, and the token itself behind {@link reveal}. It
 * prints as `[redacted]` and refuses to become JSON.
 */
export interface AccessToken extends TokenRef {
  /** The token, for building a request; never for logging or returning. */
  reveal(): string;
}

/** @internal The one implementation of {@link AccessToken}. */
export class StoredAccessToken extends Secret implements AccessToken {
  readonly connectionId: string;
  readonly epoch: number;
  readonly generation: number;
  readonly tokenType: string;
  readonly scope: string | null;
  readonly expiresAt: string | null;

  constructor(record: TokenRecord, accessToken: string) {
    super(accessToken);
    registerSecret(accessToken);
    const ref = tokenRefOf(record);
    this.connectionId = ref.connectionId;
    this.epoch = ref.epoch;
    this.generation = ref.generation;
    this.tokenType = ref.tokenType;
    this.scope = ref.scope;
    this.expiresAt = ref.expiresAt;
  }
}

/** What of an access token may cross Temporal. */
export function tokenRefOfAccessToken(token: AccessToken): TokenRef {
  const { connectionId, epoch, generation, tokenType, scope, expiresAt } = token;
  return { connectionId, epoch, generation, tokenType, scope, expiresAt };
}
