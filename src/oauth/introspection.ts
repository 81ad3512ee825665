import {
  askAboutToken,
  type TokenQuestion,
  type TokenQuestionFailure,
  type TokenQuestionOptions,
} from './client-request.js';
import { parseMembers } from './members.js';

/** Whether an authorization server holds a token for active, or why it did not say. */
export type IntrospectionResult =
  { readonly kind: 'active' } | { readonly kind: 'inactive' } | TokenQuestionFailure;

/**
 * Asks an authorization server whether a token is active. Only `active` with the boolean true is a
 * yes; everything else in a JSON answer is a no. No other member is looked at or kept.
 *
 * @throws OAuthRequestError when the request cannot be built
 * @throws NetworkPolicyError when the network setting does not allow the endpoint
 * @see https://www.rfc-editor.org/rfc/rfc7662.html#section-2.2
 */
export async function introspectToken(
  question: TokenQuestion,
  options: TokenQuestionOptions,
): Promise<IntrospectionResult> {
  const result = await askAboutToken(question, options);
  if (result.kind === 'failed') return result;
  const { answer, httpStatus } = result;
  const members = answer.text.trim().startsWith('{') ? parseMembers(answer) : undefined;
  if (members === undefined || httpStatus !== 200) {
    return {
      ...{ kind: 'failed', code: 'malformed_response', final: false },
      ...{ retryAfterMs: null, httpStatus },
    };
  }
  return { kind: members.get('active') === true ? 'active' : 'inactive' };
}
