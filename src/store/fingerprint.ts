import { createHash, timingSafeEqual } from 'node:crypto';
import type { Document } from 'mongodb';
import type { KeyProvider } from './keys.js';
import { openSealed, prepareSealer, type SealContext, type SealedValue } from './sealing.js';

/**
 * What a record remembers of a text that it only compares: its digest, sealed. Nobody can test
 * guesses without the key, and a new key takes it over like every other sealed value.
 */
export interface Fingerprint {
  /** Id of the key; beside the value, where update pipelines can read it. */
  kid: string;
  digest: SealedValue;
}

const kidOfMember = (member: string): Document => ({
  $cond: [{ $eq: [{ $type: `$${member}.kid` }, 'string'] }, [`$${member}.kid`], []],
});

/** In an update pipeline: the keys of what a record goes on remembering when its tokens change. */
export const FINGERPRINT_KIDS: Document[] = [
  kidOfMember('refreshTokenFingerprint'),
  kidOfMember('consent.subject'),
];

/** The record and epoch of an import. */
export interface FingerprintPlace {
  /** Name of the database. */
  database: string;
  connectionId: string;
  incarnation: string;
  epoch: number;
}

/** The place a fingerprint is sealed for: of its epoch, whatever the generation is by now. */
export function fingerprintContext(place: FingerprintPlace): SealContext {
  const { database, connectionId, incarnation, epoch } = place;
  return {
    ...{ database, collection: 'tokens', connectionId, incarnation, epoch },
    ...{ generation: 0, purpose: 'refresh_token_fingerprint' },
  };
}

/**
 * Makes the fingerprint of an imported refresh token.
 *
 * @throws StoreError `key_unavailable`
 */
export async function makeFingerprint(
  keys: KeyProvider,
  place: FingerprintPlace,
  refreshToken: string,
): Promise<Fingerprint> {
  return fingerprintOf(keys, fingerprintContext(place), refreshToken);
}

/**
 * Whether a refresh token is the one that was imported.
 *
 * @throws StoreError `key_unavailable` or `unreadable`
 */
export async function matchesFingerprint(
  keys: KeyProvider,
  place: FingerprintPlace,
  { fingerprint, refreshToken }: { fingerprint: Fingerprint; refreshToken: string },
): Promise<boolean> {
  const known = await openSealed(keys, fingerprint.digest, fingerprintContext(place));
  return isDigestOf(known, refreshToken);
}

/** The consent that a fingerprint of a person stands in. */
export interface SubjectPlace {
  /** Name of the database. */
  database: string;
  connectionId: string;
  incarnation: string;
  authorizationId: string;
}

/** The place the fingerprint of who consented is sealed for: of that consent alone. */
export function subjectContext(place: SubjectPlace): SealContext {
  const { database, connectionId, incarnation, authorizationId } = place;
  return {
    ...{ database, collection: 'tokens', connectionId, incarnation, epoch: 0 },
    ...{ generation: 0, purpose: `consent_subject|${authorizationId}` },
  };
}

/**
 * Makes the fingerprint of who consented.
 *
 * @param subject - issuer and subject as one text
 * @throws StoreError `key_unavailable`
 */
export function makeSubjectFingerprint(
  keys: KeyProvider,
  place: SubjectPlace,
  subject: string,
): Promise<Fingerprint> {
  return fingerprintOf(keys, subjectContext(place), subject);
}

/**
 * The digest of who consented, to be compared with another's.
 *
 * @throws StoreError `key_unavailable` or `unreadable`
 */
export function openSubject(
  keys: KeyProvider,
  place: SubjectPlace,
  fingerprint: Fingerprint,
): Promise<string> {
  return openSealed(keys, fingerprint.digest, subjectContext(place));
}

/** Whether a digest that was opened is that of a text. */
export function isDigestOf(digest: string, text: string): boolean {
  const [one, other] = [digestOf(text), Buffer.from(digest, 'base64url')];
  return one.length === other.length && timingSafeEqual(one, other);
}

async function fingerprintOf(
  keys: KeyProvider,
  context: SealContext,
  text: string,
): Promise<Fingerprint> {
  const sealer = await prepareSealer(keys, 'grant');
  const digest = digestOf(text).toString('base64url');
  return { kid: sealer.kid, digest: await sealer.seal(context, digest) };
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
