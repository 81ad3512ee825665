import { createHash } from 'node:crypto';
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JSONWebKeySet,
  type JWTHeaderParameters,
  type JWTPayload,
} from 'jose';
import type { Secret } from '../secret.js';
import { IdTokenError, type IdTokenErrorCode } from './id-token-error.js';
import type { KeySets } from './jwks.js';

/** What an ID token has to say. */
export interface ExpectedIdToken {
  readonly issuer: string;
  readonly clientId: string;
  /** Where the issuer's keys are, pinned in the connection's record. */
  readonly jwksUri: string;
  /**
   * When the answer with it was received, in Unix milliseconds: it may be checked much later, and was
   * valid or not then.
   */
  readonly receivedAtMs: number;
  /** That of the authorization request; null: there was none, as with a device. */
  readonly nonce: Secret | null;
  /** The access token beside it; null: there was none. */
  readonly accessToken: Secret | null;
  /** `max_age` of the authorization request, in seconds; null: it had none. */
  readonly maxAgeSeconds: number | null;
  /** Who consented, when this is the ID token of a refresh; null: it is that of the consent. */
  readonly subject: string | null;
}

/** Who consented. No secret, and yet a person's: not for logs. */
export interface IdTokenSubject {
  readonly subject: string;
  readonly issuer: string;
}

/** Signatures with a key that only the issuer has; never `none`, never one with a shared secret. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** Clocks of servers differ. */
const TOLERANCE_SECONDS = 60;
const MAX_LENGTH = 64 * 1_024;
const KEYS_MAX_AGE_MS = 10 * 60_000;
/** A key that is not in a set this old may have been added since. */
const KEYS_LOOK_AGAIN_MS = 10_000;

/**
 * Checks an ID token: signature by the issuer's keys, `iss`, `aud` and `azp`, `exp`, `iat`, `nonce`,
 * `at_hash` where it is there, `auth_time` where it was asked for; and on a refresh that it is still
 * the same person.
 *
 * @throws IdTokenError `temporary` when it cannot be checked now, else what is wrong with it.
 * @throws NetworkPolicyError when the network setting does not allow the address of the keys.
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
 * @see https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse
 */
export async function checkIdToken(
  idToken: Secret,
  expected: ExpectedIdToken,
  keySets: KeySets,
): Promise<IdTokenSubject> {
  const text = idToken.reveal();
  if (text.length > MAX_LENGTH) throw new IdTokenError('unreadable');
  const { claims, header } = await verify(text, expected, keySets);
  const subject = claims.sub;
  const problem =
    audienceProblem(claims, expected) ??
    timeProblem(claims, expected) ??
    requestProblem(claims, header, expected);
  if (problem !== null) throw new IdTokenError(problem);
  if (typeof subject !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(subject)) {
    throw new IdTokenError('subject_missing');
  }
  if (expected.subject !== null && expected.subject !== subject) {
    throw new IdTokenError('subject_mismatch');
  }
  return { subject, issuer: expected.issuer };
}

interface Verified {
  readonly claims: JWTPayload;
  readonly header: JWTHeaderParameters;
}

/** Verifies with the keys that are kept, and when the key is not among them with those of now. */
async function verify(
  text: string,
  expected: ExpectedIdToken,
  keySets: KeySets,
): Promise<Verified> {
  if (!ALGORITHMS.includes(algorithmOf(text))) throw new IdTokenError('algorithm_not_allowed');
  const kept = await keySets.read(expected.jwksUri, KEYS_MAX_AGE_MS);
  if (kept === undefined) throw new IdTokenError('keys_unavailable');
  try {
    return await verifyWith(kept.keySet, text, expected);
  } catch (error) {
    const isOld = kept.ageMs > KEYS_LOOK_AGAIN_MS;
    if (!(error instanceof IdTokenError) || error.code !== 'key_unknown' || !isOld) throw error;
  }
  const fresh = await keySets.read(expected.jwksUri, KEYS_LOOK_AGAIN_MS);
  if (fresh === undefined) throw new IdTokenError('keys_unavailable');
  return verifyWith(fresh.keySet, text, expected);
}

function algorithmOf(text: string): string {
  try {
    return decodeProtectedHeader(text).alg ?? '';
  } catch {
    throw new IdTokenError('unreadable');
  }
}

async function verifyWith(
  keySet: JSONWebKeySet,
  text: string,
  expected: ExpectedIdToken,
): Promise<Verified> {
  const options = {
    algorithms: ALGORITHMS,
    issuer: expected.issuer,
    audience: expected.clientId,
    requiredClaims: ['exp', 'iat', 'sub'],
    clockTolerance: TOLERANCE_SECONDS,
    currentDate: new Date(expected.receivedAtMs),
  };
  try {
    const { payload, protectedHeader } = await jwtVerify(text, createLocalJWKSet(keySet), options);
    return { claims: payload, header: protectedHeader };
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw idTokenErrorOf(error);
    // Keys without an id: each is tried.
    for await (const key of error) {
      try {
        const { payload, protectedHeader } = await jwtVerify(text, key, options);
        return { claims: payload, header: protectedHeader };
      } catch (inner) {
        if (inner instanceof errors.JWSSignatureVerificationFailed) continue;
        throw idTokenErrorOf(inner);
      }
    }
    throw new IdTokenError('signature_invalid');
  }
}

const OF_CLAIM: Readonly<Record<string, IdTokenErrorCode>> = {
  iss: 'issuer_mismatch',
  aud: 'audience_mismatch',
  exp: 'expired',
  nbf: 'not_yet_valid',
  sub: 'subject_missing',
};

/** The library's errors quote claims; ours only say which check failed. */
function idTokenErrorOf(error: unknown): IdTokenError {
  if (error instanceof errors.JWKSNoMatchingKey) return new IdTokenError('key_unknown');
  if (error instanceof errors.JWTExpired) return new IdTokenError('expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new IdTokenError(OF_CLAIM[error.claim] ?? 'unreadable');
  }
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
    return new IdTokenError('unreadable');
  }
  return new IdTokenError('signature_invalid');
}

/** Rules 3 to 5: an audience beside this client has to say that the token was issued to this one. */
function audienceProblem(
  { aud, azp }: JWTPayload,
  expected: ExpectedIdToken,
): IdTokenErrorCode | null {
  const others = Array.isArray(aud) && aud.length > 1;
  if (azp === undefined && !others) return null;
  return azp === expected.clientId ? null : 'audience_mismatch';
}

/** Rules 10 and 13: issued in the past, and after a recent sign-in where that was asked for. */
function timeProblem(
  { iat, auth_time: authTime }: JWTPayload,
  { receivedAtMs, maxAgeSeconds }: ExpectedIdToken,
): IdTokenErrorCode | null {
  const now = receivedAtMs / 1_000;
  if (iat === undefined || iat > now + TOLERANCE_SECONDS) return 'not_yet_valid';
  if (maxAgeSeconds === null) return null;
  const isRecent =
    typeof authTime === 'number' && authTime >= now - maxAgeSeconds - TOLERANCE_SECONDS;
  return isRecent ? null : 'sign_in_too_old';
}

/** Rule 11, and §3.1.3.8 for `at_hash`. A token of a refresh need not repeat the nonce. */
function requestProblem(
  claims: JWTPayload,
  header: JWTHeaderParameters,
  { nonce, accessToken, subject }: ExpectedIdToken,
): IdTokenErrorCode | null {
  const given = claims['nonce'];
  const mayBeAbsent = subject !== null && given === undefined;
  if (nonce !== null && given !== nonce.reveal() && !mayBeAbsent) return 'nonce_mismatch';
  const hash = claims['at_hash'];
  if (hash === undefined || accessToken === null) return null;
  return hash === leftHalfHash(accessToken, header.alg) ? null : 'access_token_mismatch';
}

/** The left half of the hash that goes with a signature algorithm. */
function leftHalfHash(accessToken: Secret, algorithm: string): string {
  const bits = /(256|384|512)$/.exec(algorithm)?.[1] ?? '512';
  const digest = createHash(isEdwards(algorithm) ? 'sha512' : `sha${bits}`)
    .update(accessToken.reveal(), 'ascii')
    .digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
}

const isEdwards = (algorithm: string): boolean => algorithm.startsWith('Ed');
