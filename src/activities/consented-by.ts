import { openSubject, type ReadTokenWithGrant } from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';

/**
 * The digest of who consented to what a record holds; null: nobody did, or the server did not say.
 *
 * @throws StoreError `key_unavailable` or `unreadable`
 */
export async function consentedBy(
  { database, keys }: Pick<IssueDependencies, 'database' | 'keys'>,
  { record, consent }: Pick<ReadTokenWithGrant, 'record' | 'consent'>,
): Promise<string | null> {
  if (consent === null || consent.subject === null) return null;
  const { connectionId, incarnation } = record;
  const { authorizationId, subject } = consent;
  const place = { database: database.name, connectionId, incarnation, authorizationId };
  return openSubject(keys, place, subject);
}
