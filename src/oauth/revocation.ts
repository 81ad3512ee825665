import {
  askAboutToken,
  type TokenQuestion,
  type TokenQuestionFailure,
  type TokenQuestionOptions,
} from './client-request.js';

/**
 * What came of asking for a revocation. `revoked`: the token is of no use any more, whether or not the
 * server knew it. `never`: the server does not revoke this kind of token. Else it is assumed alive.
 */
export type RevocationResult =
  { readonly kind: 'revoked' } | { readonly kind: 'never' } | TokenQuestionFailure;

/**
 * Asks an authorization server to revoke a token, once. Revoking twice does no harm: the server says
 * 200 to a token it does not know.
 *
 * Beyond the RFC, `invalid_token` counts as revoked: some servers answer so to a token that they do
 * not know, which is what was wanted.
 *
 * @throws OAuthRequestError when the request cannot be built
 * @throws NetworkPolicyError when the network setting does not allow the endpoint
 * @see https://www.rfc-editor.org/rfc/rfc7009.html#section-2.2
 */
export async function revokeToken(
  question: TokenQuestion,
  options: TokenQuestionOptions,
): Promise<RevocationResult> {
  const answer = await askAboutToken(question, options);
  if (answer.kind === 'answered' || answer.code === 'invalid_token') return { kind: 'revoked' };
  return answer.code === 'unsupported_token_type' ? { kind: 'never' } : answer;
}
