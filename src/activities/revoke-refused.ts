import { openAnswer, type KeptAnswer } from '../authorizations/index.js';
import { REVOKED_STATES, StoreError } from '../store/index.js';
import type { ConsentRefusal, ConsentToJudge } from './consent-answer.js';
import type { RedemptionDependencies } from './dependencies.js';
import { openClient } from './open-tokens.js';
import { revokeOrphan } from './revoke-orphan.js';

/**
 * Has the tokens of an answer revoked that nobody will use: it was refused, or came after a revocation
 * or another grant. Where the record holds tokens that may be of the same grant, they are spared.
 *
 * @param refusal - null: it was not judged
 * @throws StoreError `key_unavailable`, `unavailable`
 */
export async function revokeRefused(
  dependencies: RedemptionDependencies,
  consent: ConsentToJudge,
  refusal: ConsentRefusal | null,
): Promise<void> {
  const { state, hasRefreshToken, hasAccessToken } = consent.token.record;
  // Where one person has one grant, to end this one could end the one that serves; unless it is to end.
  const serves = !REVOKED_STATES.includes(state) && (hasRefreshToken || hasAccessToken);
  if (serves && refusal?.ofAnother !== true) return;
  const response = refusal?.answer ?? (await answerOf(dependencies, consent));
  if (response === null) return;
  const { connection } = consent.read;
  const plan = { connection, client: await openClient(dependencies, consent.read) };
  await revokeOrphan(dependencies, { plan, response, refreshTokenKept: false });
}

/** Null: it was sealed for another recipient than the connection has now, and cannot be sent there. */
async function answerOf(
  { database, keys }: RedemptionDependencies,
  { read: { connection }, authorization: { record, answer } }: ConsentToJudge,
): Promise<KeptAnswer | null> {
  if (answer === null) return null;
  try {
    return await openAnswer(keys, { database, record, connection }, answer);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'unreadable') return null;
    throw error;
  }
}
