import type { ConnectionRecord } from '../contract/connection-record.js';
import { asksForConsent } from '../contract/grant-type.js';

/**
 * What a person who puts a connection should know about the consent it takes.
 *
 * @param changed - the members that this `put` changed
 */
export function consentWarnings(
  { grant }: Pick<ConnectionRecord, 'grant'>,
  changed: readonly string[],
): string[] {
  if (!asksForConsent(grant.grantType)) return [];
  const warnings: string[] = [];
  if (!grant.pkce) {
    warnings.push(
      'grant.pkce is false: a code that somebody else gets hold of can be used by them ' +
        '(RFC 9700 §2.1.1). Leave it out unless the authorization server refuses PKCE.',
    );
  }
  const later = ['grant.scope', 'grant.authorizationParameters'].filter((name) =>
    changed.includes(name),
  );
  if (later.length > 0) {
    warnings.push(`What changed in ${later.join(' and ')} is asked for at the next authorization.`);
  }
  return warnings;
}
