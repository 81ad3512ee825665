/** What is wrong with a token request that was never sent. */
export type OAuthRequestErrorCode =
  | 'token_endpoint_invalid'
  | 'endpoint_invalid'
  | 'client_id_missing'
  | 'client_secret_missing'
  | 'code_missing'
  | 'refresh_token_missing'
  | 'protocol_parameter';

/**
 * A token request that cannot be built. Nothing was sent; the message holds our words and names of
 * parameters, never a value.
 */
export class OAuthRequestError extends Error {
  override readonly name = 'OAuthRequestError';
  readonly code: OAuthRequestErrorCode;

  constructor(code: OAuthRequestErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What is wrong with an authorization server's metadata. */
export type MetadataErrorCode =
  | 'issuer_invalid'
  | 'issuer_mismatch'
  | 'endpoint_invalid'
  | 'network_not_allowed'
  | 'not_found'
  | 'token_endpoint_missing'
  | 'unreachable'
  | 'unreadable';

/**
 * An authorization server's metadata that could not be had or must not be trusted. The message
 * names what is wrong in our words and quotes nothing that the server sent but a refused host.
 */
export class MetadataError extends Error {
  override readonly name = 'MetadataError';
  readonly code: MetadataErrorCode;
  /** Whether the same request may do better later. */
  readonly temporary: boolean;

  constructor(code: MetadataErrorCode, message: string, temporary = false) {
    super(message);
    this.code = code;
    this.temporary = temporary;
  }
}
