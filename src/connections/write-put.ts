import type { ConnectionRecord } from '../contract/connection-record.js';
import { asksForConsent, needsPerson } from '../contract/grant-type.js';
import type { TokenState } from '../contract/messages.js';
import { keepAliveAfterMs } from '../contract/refresh-token-clocks.js';
import {
  applyPut,
  clientSecretContext,
  inTransaction,
  insertToken,
  makeFingerprint,
  newTokenDocument,
  openClientSecret,
  prepareSealer,
  readToken,
  refreshTokenContext,
  startRefreshTokenClocks,
  writeConnection,
  StoreError,
  type Fingerprint,
  type KeyProvider,
  type RefreshTokenClocks,
  type SealedValue,
  type TokenDatabase,
} from '../store/index.js';
import type { SecretName } from './cross-member-rules.js';
import type { PutPlan } from './put-plan.js';
import type { StoredPair } from './stored.js';

/** What is written, and against what was read. */
export interface PutWrite {
  next: ConnectionRecord;
  plan: PutPlan;
  stored: StoredPair;
  /** Of the token document, should it be made. */
  incarnation: string;
  updatedBy: string;
}

/** What was written. */
export interface WrittenPut {
  /** Secrets that are other ones now. */
  secrets: SecretName[];
  /** Read back from the record. */
  token: { epoch: number; generation: number; state: TokenState };
}

/**
 * Seals what a plan asks for and writes both documents in one transaction, by compare-and-set.
 *
 * @returns null when somebody else wrote in between: read again and repeat
 */
export async function writePut(
  database: TokenDatabase,
  keys: KeyProvider,
  write: PutWrite,
): Promise<WrittenPut | null> {
  const { next, plan, stored } = write;
  const clientSecret = await sealClientSecret(database, keys, write);
  const secrets: SecretName[] = clientSecret.changed ? ['clientSecret'] : [];
  if (plan.refreshToken !== null) secrets.push('refreshToken');
  const grant = plan.newGrant ? await sealGrant(database, keys, write) : null;
  const connection = {
    ...next,
    _id: next.connectionId,
    clientSecret: clientSecret.sealed,
    updatedBy: write.updatedBy,
  };
  const done = await inTransaction(database, 'put a connection', async (bound) => {
    if (!(await writeConnection(bound, connection, stored.connection))) return false;
    return writeToken(bound, write, grant);
  }).catch(falseOnConflict);
  if (!done) return null;
  const read = await readToken(database, next.connectionId);
  // Removed at once after it was put: repeating the command would be wrong, and so would a guess.
  if (read === null) return { secrets, token: { epoch: 1, generation: 0, state: stateOf(next) } };
  const { epoch, generation, state } = read.record;
  return { secrets, token: { epoch, generation, state } };
}

interface SealedGrant {
  grant: SealedValue | null;
  refreshTokenFingerprint: Fingerprint | null;
}

async function writeToken(
  database: TokenDatabase,
  { next, plan, stored, incarnation }: PutWrite,
  sealed: SealedGrant | null,
): Promise<boolean> {
  if (stored.token === null) {
    const { grant, refreshTokenFingerprint } = sealed ?? NO_GRANT;
    const { connectionId } = next;
    const document = newTokenDocument(connectionId, incarnation, grant, refreshTokenFingerprint);
    if (!(await insertToken(database, { ...document, state: stateOf(next) }))) return false;
    const place = { connectionId, incarnation };
    if (grant !== null) await startRefreshTokenClocks(database, place, clocksOf(next));
    return true;
  }
  return applyPut(database, stored.token.record, {
    nextEpoch: sealed === null ? null : { ...sealed, state: stateOf(next) },
    invalidate: plan.invalidate ? 'configuration_changed' : null,
    clocks: clocksOf(next),
  });
}

/** As declared: how old an imported refresh token is nobody knows, so its clocks start with `put`. */
function clocksOf({ grant, lifetime }: ConnectionRecord): RefreshTokenClocks {
  const idleMs = needsPerson(grant.grantType) ? lifetime.refreshTokenIdleMs : null;
  return {
    expiresInMs: lifetime.refreshTokenExpiresInMs,
    keepAliveMs: keepAliveAfterMs(idleMs),
  };
}

/** Where a new grant begins: at the person who is to give it, or at the first token request. */
function stateOf({ grant }: ConnectionRecord): TokenState {
  return asksForConsent(grant.grantType) ? 'reauthorization_required' : 'active';
}

const NO_GRANT: SealedGrant = { grant: null, refreshTokenFingerprint: null };

/** The client secret as it is stored from now on, and whether it is another one. */
async function sealClientSecret(
  database: TokenDatabase,
  keys: KeyProvider,
  { next, plan, stored }: PutWrite,
): Promise<{ sealed: SealedValue | null; changed: boolean }> {
  const before = stored.connection?.clientSecret ?? null;
  if (plan.keepClientSecret) return { sealed: before, changed: false };
  if (plan.clientSecret === null) return { sealed: null, changed: before !== null };
  const given = plan.clientSecret.reveal();
  const same = (await openStored(database, keys, stored)) === given;
  const place = clientSecretContext(database, next);
  if (same && stored.connection !== null) {
    const { purpose } = clientSecretContext(database, stored.connection.connection);
    if (purpose === place.purpose) return { sealed: before, changed: false };
  }
  const sealer = await prepareSealer(keys, 'grant');
  return { sealed: await sealer.seal(place, given), changed: !same };
}

/** Null when it cannot be opened: then the one given now replaces it. */
async function openStored(
  database: TokenDatabase,
  keys: KeyProvider,
  { connection }: StoredPair,
): Promise<string | null> {
  if (connection?.clientSecret == null) return null;
  try {
    return await openClientSecret(database, keys, connection);
  } catch (error) {
    if (error instanceof StoreError && error.code !== 'unavailable') return null;
    throw error;
  }
}

async function sealGrant(
  database: TokenDatabase,
  keys: KeyProvider,
  { next, plan, stored, incarnation }: PutWrite,
): Promise<SealedGrant> {
  if (plan.refreshToken === null) return NO_GRANT;
  const text = plan.refreshToken.reveal();
  const record = stored.token?.record;
  const place =
    record === undefined
      ? { connectionId: next.connectionId, incarnation, epoch: 1, generation: 0 }
      : { ...record, epoch: record.epoch + 1 };
  const sealer = await prepareSealer(keys, 'grant');
  const imported = { ...place, database: database.name };
  return {
    grant: await sealer.seal(refreshTokenContext(database, place, next), text),
    refreshTokenFingerprint: await makeFingerprint(keys, imported, text),
  };
}

function falseOnConflict(error: unknown): boolean {
  if (error instanceof StoreError && error.code === 'conflict') return false;
  throw error;
}
