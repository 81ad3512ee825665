import type { ServerResponse } from 'node:http';

/** A token request as it arrived. */
export interface ReceivedTokenRequest {
  /** Milliseconds since the epoch. */
  at: number;
  grantType: string | undefined;
  parameters: Record<string, string>;
}

/** An answer; or the connection is reset, or nothing is ever said. */
export type TokenReply = TokenAnswer | 'reset' | 'hang';

/** An HTTP answer: a text is sent as it is, anything else as JSON. */
export interface TokenAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** The connection is closed after so many bytes of the body. */
  cutAfterBytes?: number;
  /** It is sent so much later, in milliseconds; the tokens in it count as issued before. */
  delayMs?: number;
  /** The body is sent byte by byte with a pause of so many milliseconds. */
  byteEveryMs?: number;
  /** The whole answer is sent twice. */
  doubled?: boolean;
}

/** A reply, or what makes it when the request is there; undefined: it has answered by itself. */
export type ScriptedReply =
  | TokenReply
  | ((
      request: ReceivedTokenRequest,
      response: ServerResponse,
    ) => TokenReply | undefined | Promise<TokenReply | undefined>);

/**
 * An answer with tokens.
 *
 * @param members - further members, or other ones than `token_type` Bearer and `expires_in` 60
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-5.1
 */
export function issue(accessToken: string, members: Record<string, unknown> = {}): TokenReply {
  const body = { access_token: accessToken, token_type: 'Bearer', expires_in: 60, ...members };
  return { status: 200, body };
}

/**
 * An error answer.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-5.2
 */
export function refuse(error: string, status = 400): TokenReply {
  return { status, body: { error } };
}
