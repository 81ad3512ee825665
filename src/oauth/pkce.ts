import { createHash, randomBytes } from 'node:crypto';
import { registerSecret } from '../known-secrets.js';
import { Secret } from '../secret.js';

/** 256 bit, as 43 characters (RFC 7636 §7.1). */
const RANDOM_BYTES = 32;

/** Makes a text that nobody can guess, of 43 characters of the alphabet that URLs need no escape for. */
export function randomSecret(): Secret {
  const text = randomBytes(RANDOM_BYTES).toString('base64url');
  registerSecret(text);
  return new Secret(text);
}

/**
 * The S256 challenge of a code verifier, which may be shown.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7636.html#section-4.2
 */
export function codeChallengeOf(codeVerifier: Secret): string {
  return createHash('sha256').update(codeVerifier.reveal(), 'ascii').digest('base64url');
}
