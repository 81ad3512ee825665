/** Why an ID token is not believed; `keys_unavailable`: it cannot be checked now. */
export type IdTokenErrorCode = keyof typeof MESSAGES;

const MESSAGES = {
  access_token_mismatch: 'It belongs to another access token.',
  algorithm_not_allowed: 'It is not signed with a public-key algorithm that is taken.',
  audience_mismatch: 'It is for another client.',
  expired: 'It had expired when it was received.',
  issuer_mismatch: 'It names another issuer.',
  key_unknown: "It is signed with a key that is not the issuer's.",
  keys_unavailable: "The issuer's keys cannot be read at present.",
  nonce_mismatch: 'It does not answer this authorization request.',
  not_yet_valid: 'It was issued in the future.',
  sign_in_too_old: 'It does not say that the person signed in as recently as asked for.',
  signature_invalid: 'Its signature is wrong.',
  subject_mismatch: 'It is of another person than before.',
  subject_missing: 'It does not say who consented.',
  unreadable: 'It is not a signed JWT with the claims it must have.',
} as const;

/** An ID token that is not believed, or that cannot be checked now. Nothing of it is quoted. */
export class IdTokenError extends Error {
  override readonly name = 'IdTokenError';
  readonly code: IdTokenErrorCode;
  /** Whether the same token may pass later: nothing was found wrong with it. */
  readonly temporary: boolean;

  constructor(code: IdTokenErrorCode) {
    super(`The ID token is not accepted. ${MESSAGES[code]}`);
    this.code = code;
    this.temporary = code === 'keys_unavailable';
  }
}
