import { openAnswer, openSecrets, type KeptAnswer } from '../authorizations/index.js';
import type { FailureType } from '../contract/failure-types.js';
import { failureTypeOf } from '../failures.js';
import { asksForIdToken, checkIdToken, IdTokenError } from '../oauth/index.js';
import {
  isDigestOf,
  makeSubjectFingerprint,
  StoreError,
  type Fingerprint,
  type ReadAuthorization,
  type ReadConnection,
  type ReadTokenWithGrant,
} from '../store/index.js';
import { consentedBy } from './consented-by.js';
import type { RedemptionDependencies } from './dependencies.js';

/** What an answer was read with. */
export interface ConsentToJudge {
  read: ReadConnection;
  authorization: ReadAuthorization;
  token: ReadTokenWithGrant;
}

/** An answer that may be used, and who consented. */
export interface JudgedAnswer {
  answer: KeptAnswer;
  /** Null: the server did not say who. */
  subject: Fingerprint | null;
}

/** An answer that must not be used, or not yet. */
export class ConsentRefusal extends Error {
  override readonly name = 'ConsentRefusal';
  readonly failureType: FailureType;
  /** What is refused; its tokens are nobody's. */
  readonly answer: KeptAnswer;
  /** The same answer may pass later. */
  readonly temporary: boolean;
  /** It is known to be of somebody else than the consent that is stored. */
  readonly ofAnother: boolean;

  constructor(
    failureType: FailureType,
    answer: KeptAnswer,
    { temporary = false, ofAnother = false } = {},
  ) {
    super('An answer of the authorization server is not accepted.');
    this.failureType = failureType;
    this.answer = answer;
    this.temporary = temporary;
    this.ofAnother = ofAnother;
  }
}

/**
 * Judges a kept answer: its access token, the ID token where one was asked for, and whether the
 * person is the one the connection is for.
 *
 * @throws ConsentRefusal; StoreError `key_unavailable` or `unreadable`
 */
export async function judgeAnswer(
  dependencies: RedemptionDependencies,
  consent: ConsentToJudge,
): Promise<JudgedAnswer> {
  const { database, keys } = dependencies;
  const { read, authorization, token } = consent;
  const { record, answer: sealed } = authorization;
  if (sealed === null) throw new StoreError('unreadable', 'The authorization holds no answer.');
  const { connection } = read;
  const answer = await openAnswer(keys, { database, record, connection }, sealed);
  if (answer.accessToken === null || answer.problem !== null) {
    throw new ConsentRefusal('OAuth.malformed_response', answer);
  }
  const identity = await identityOf(dependencies, consent, answer);
  const text = identity === null ? null : JSON.stringify([identity.issuer, identity.subject]);
  const { connectionId, incarnation, authorizationId, acceptNewSubject } = record;
  const { expectedSubject } = connection.grant;
  // Who consented before counts only while nobody says who it has to be.
  const compares = expectedSubject === null && !acceptNewSubject;
  const stored = compares ? await consentedBy(dependencies, token) : null;
  const isStored = text === null || stored === null ? null : isDigestOf(stored, text);
  const unexpected = expectedSubject !== null && identity?.subject !== expectedSubject;
  const isNew = stored !== null && isStored !== true;
  if (unexpected || isNew) {
    const ofAnother = isStored === false;
    throw new ConsentRefusal('Authorization.subject_mismatch', answer, { ofAnother });
  }
  const place = { database: database.name, connectionId, incarnation, authorizationId };
  const subject = text === null ? null : await makeSubjectFingerprint(keys, place, text);
  return { answer, subject };
}

/** Who consented; null: the connection does not ask. */
async function identityOf(
  { database, keys, keySets }: RedemptionDependencies,
  { read, authorization }: ConsentToJudge,
  answer: KeptAnswer,
) {
  const { connection } = read;
  const { issuer, jwksUri } = connection.authorizationServer;
  if (!asksForIdToken(connection.grant.scope)) return null;
  const { record, request } = authorization;
  if (answer.idToken === null || issuer === null || jwksUri === null || request === null) {
    throw new ConsentRefusal('Authorization.invalid_id_token', answer);
  }
  const { nonce } = await openSecrets(keys, { database, record, connection }, request);
  try {
    return await checkIdToken(
      answer.idToken,
      {
        ...{ issuer, jwksUri, nonce, accessToken: answer.accessToken },
        clientId: connection.client.clientId,
        receivedAtMs: record.attempt?.sentAt ?? record.now,
        ...{ maxAgeSeconds: maxAgeOf(connection.grant.authorizationParameters), subject: null },
      },
      keySets,
    );
  } catch (error) {
    if (error instanceof IdTokenError) {
      const { temporary } = error;
      const type = temporary ? 'OAuth.unreachable' : 'Authorization.invalid_id_token';
      throw new ConsentRefusal(type, answer, { temporary });
    }
    // Where the keys are is this process's network setting to allow: another worker may reach them.
    const type = failureTypeOf(error);
    if (type === 'Policy.network_not_allowed')
      throw new ConsentRefusal(type, answer, { temporary: true });
    throw error;
  }
}

function maxAgeOf({ max_age: maxAge }: Record<string, string>): number | null {
  return maxAge !== undefined && /^\d{1,9}$/.test(maxAge) ? Number(maxAge) : null;
}
