import type { AuthorizationRecord } from './authorization-record.js';
import type { GrantType } from './grant-type.js';
import type { TokenRecord } from './token-record.js';

/**
 * Whether an authorization has come too late whatever its person answers: since it began somebody had
 * the connection's tokens revoked, or put another grant. Another consent supersedes nothing.
 */
export function isSuperseded(
  { kind, createdAt }: Pick<AuthorizationRecord, 'kind' | 'createdAt'>,
  { state, supersededAt }: Pick<TokenRecord, 'state' | 'supersededAt'>,
  { grantType }: { grantType: GrantType },
): boolean {
  // Nobody can begin one while a revocation is under way.
  if (state === 'revoking' || grantType !== kind) return true;
  return supersededAt !== null && supersededAt >= createdAt;
}
