import type { ConnectionRecord } from '../contract/connection-record.js';
import { needsPerson } from '../contract/grant-type.js';
import { StoreError, type KeyProvider, matchesFingerprint } from '../store/index.js';
import type { Secret } from '../secret.js';
import { compareConnections, type ConnectionChange } from './compare.js';
import { SECRET_FIELDS, type SecretName } from './cross-member-rules.js';
import type { Problem } from './problems.js';
import type { FoundSecret, FoundSecrets } from './secrets.js';
import type { StoredPair } from './stored.js';

/** What a `put` does to the two documents. */
export interface PutPlan {
  created: boolean;
  /** Members that change, without the secrets. */
  changed: string[];
  /** The client secret given now; null: keep what is sealed, or there is none to keep. */
  clientSecret: Secret | null;
  keepClientSecret: boolean;
  /** Start the next epoch, or make the token document. */
  newGrant: boolean;
  /** The refresh token of the new grant. */
  refreshToken: Secret | null;
  /** What was issued, or is being requested, is for what the file said before. */
  invalidate: boolean;
}

/** What a plan is made from. */
export interface PutPlanInput {
  next: ConnectionRecord;
  secrets: FoundSecrets;
  stored: StoredPair;
  keys: KeyProvider;
  /** Name of the database. */
  database: string;
}

const NOTHING: ConnectionChange = {
  changed: [],
  identity: [],
  grantChanged: false,
  invalidates: false,
};

/**
 * Decides what a `put` does: which secrets are sealed anew, and whether the next epoch starts.
 * Everything that goes to the authorization server is only ever sent where whoever gave it wanted
 * it: a change of where or who needs the secrets again.
 *
 * @throws StoreError `key_unavailable` when the imported refresh token cannot be compared
 */
export async function planPut(input: PutPlanInput): Promise<PutPlan | Problem[]> {
  const { next, secrets, stored } = input;
  const known = stored.connection?.connection ?? null;
  const change = known === null ? NOTHING : compareConnections(known, next);
  const problems: Problem[] = [];

  const moved = known === null || change.identity.length > 0;
  const needsClientSecret = next.client.authentication !== 'none';
  const clientSecret = needsClientSecret ? givenOf(secrets.clientSecret) : null;
  const keepClientSecret =
    needsClientSecret && clientSecret === null && !moved && sealedSecretOf(stored) !== null;
  if (needsClientSecret && clientSecret === null && !keepClientSecret) {
    problems.push(missing('clientSecret', secrets.clientSecret, change.identity));
  }

  const needsRefreshToken = next.grant.grantType === 'refresh_token';
  const state = stored.token?.record.state ?? null;
  // Client credentials serve again after a revocation; a person's grant only by another consent.
  const servesAgain = state === 'revoked' && !needsPerson(next.grant.grantType);
  const freshGrant = moved || change.grantChanged || stored.token === null || servesAgain;
  const refreshToken = needsRefreshToken ? givenOf(secrets.refreshToken) : null;
  const gone = state === 'revoking' || state === 'revoked';
  const keepsRefreshToken = !freshGrant && (gone || stored.token?.grant !== null);
  if (needsRefreshToken && refreshToken === null && !keepsRefreshToken) {
    problems.push(missing('refreshToken', secrets.refreshToken, change.identity));
  }
  if (problems.length > 0) return problems;

  const another =
    !freshGrant && refreshToken !== null && !(await isSameImport(input, refreshToken));
  const newGrant = freshGrant || another;
  if (newGrant && state === 'revoking') return [STILL_REVOKING];
  return {
    created: known === null,
    changed: change.changed,
    clientSecret,
    keepClientSecret,
    newGrant,
    refreshToken: newGrant ? refreshToken : null,
    invalidate: change.invalidates,
  };
}

/** The next epoch would erase what the authorization server has not revoked yet. */
const STILL_REVOKING: Problem = {
  field: 'connectionId',
  problem:
    'is being revoked, which a new grant would cut short: wait until its status says revoked, or remove the connection with --keep-grant',
};

/**
 * What is missing among the secrets, for a file that is wrong anyway and so has no record to plan
 * with: only a secret that is nowhere counts.
 */
export function missingSecrets(
  names: SecretName[],
  secrets: FoundSecrets,
  stored: StoredPair | null,
): Problem[] {
  const sealed = {
    clientSecret: stored?.connection?.clientSecret ?? null,
    refreshToken: stored?.token?.grant ?? null,
  };
  return names
    .filter((name) => secrets[name].found !== 'given' && sealed[name] === null)
    .map((name) => missing(name, secrets[name], []));
}

const givenOf = (found: FoundSecret): Secret | null =>
  found.found === 'given' ? found.secret : null;

const sealedSecretOf = (stored: StoredPair) => stored.connection?.clientSecret ?? null;

function missing(name: SecretName, found: FoundSecret, identity: string[]): Problem {
  const flag = name === 'clientSecret' ? '--client-secret-stdin' : '--refresh-token-stdin';
  const why =
    identity.length > 0
      ? ` It is needed again because ${identity.join(', ')} changed: a sealed secret is not sent anywhere else.`
      : '';
  const problem =
    found.found === 'unset'
      ? `${found.problem}: set it, or use ${flag}.`
      : `is missing: give { "env": NAME }, { "file": PATH } or ${flag}.`;
  return { field: SECRET_FIELDS[name], problem: `${problem}${why}`.replace(/\.$/, '') };
}

/** Whether the refresh token is the one that was imported already; it may have been rotated since. */
async function isSameImport(
  { keys, database, stored }: PutPlanInput,
  given: Secret,
): Promise<boolean> {
  const fingerprint = stored.token?.refreshTokenFingerprint ?? null;
  if (stored.token === null || fingerprint === null) return false;
  const { kid } = fingerprint;
  if ((await keys.get(kid)) === undefined) {
    throw new StoreError(
      'key_unavailable',
      `The key ${kid} is not in the key file, so the refresh token cannot be compared with the one ` +
        'imported before; a rotated one must not be overwritten. Bring the key back, or remove the ' +
        'connection and put it again.',
    );
  }
  const { connectionId, incarnation, epoch } = stored.token.record;
  const place = { database, connectionId, incarnation, epoch };
  return matchesFingerprint(keys, place, { fingerprint, refreshToken: given.reveal() });
}
