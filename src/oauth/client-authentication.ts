import { Secret } from '../secret.js';
import { OAuthRequestError } from './errors.js';

/** A client as the token endpoint knows it. */
export interface TokenClient {
  readonly clientId: string;
  /** A registered name of how the client authenticates at the token endpoint. */
  readonly authentication: ClientAuthentication;
  /** Null only with `none`. */
  readonly clientSecret: Secret | null;
}

/** The ways of client authentication that are built. */
export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'none';

/** What client authentication adds to a request. */
export interface AuthenticatedClient {
  /** Value of the `Authorization` header. */
  readonly authorization: Secret | null;
  /** Body parameters, secret ones among them. */
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Authenticates a client in one way only, as a client must (RFC 6749 §2.3).
 *
 * @throws OAuthRequestError `client_id_missing` or `client_secret_missing`.
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-2.3
 */
export function authenticateClient(client: TokenClient): AuthenticatedClient {
  const { clientId, authentication } = client;
  if (clientId === '') throw new OAuthRequestError('client_id_missing', 'The client id is empty.');
  switch (authentication) {
    case 'client_secret_basic':
      return {
        authorization: basicCredentials(clientId, secretOf(client)),
        parameters: new Map(),
      };
    case 'client_secret_post':
      return {
        authorization: null,
        parameters: new Map([
          ['client_id', clientId],
          ['client_secret', secretOf(client).reveal()],
        ]),
      };
    case 'none':
      return { authorization: null, parameters: new Map([['client_id', clientId]]) };
  }
}

/**
 * Form-encodes id and secret before base64, as RFC 6749 §2.3.1 says. `-`, `.`, `_` and `*` stay as
 * they are (the form encoding of today, WHATWG), unlike in `oauth4webapi`: a server that decodes gets
 * the same text either way, and one that forgets to decode still knows a client id with a `_` in it.
 */
function basicCredentials(clientId: string, clientSecret: Secret): Secret {
  const credentials = `${formEncode(clientId)}:${formEncode(clientSecret.reveal())}`;
  return new Secret(`Basic ${Buffer.from(credentials, 'ascii').toString('base64')}`);
}

function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function secretOf(client: TokenClient): Secret {
  if (client.clientSecret === null || client.clientSecret.reveal() === '') {
    throw new OAuthRequestError(
      'client_secret_missing',
      `The client authentication ${client.authentication} needs a client secret.`,
    );
  }
  return client.clientSecret;
}
