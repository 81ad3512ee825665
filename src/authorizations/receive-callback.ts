import { timingSafeEqual } from 'node:crypto';
import { oauthFailureType, type FailureType } from '../contract/failure-types.js';
import { isSuperseded } from '../contract/superseded.js';
import { readAuthorizationResponse, type AuthorizationResponse } from '../oauth/index.js';
import { Secret } from '../secret.js';
import {
  failAuthorization,
  findAuthorizationByState,
  prepareSealer,
  readConnection,
  readToken,
  receiveCode,
  type KeyProvider,
  type ReadAuthorization,
  type TokenDatabase,
} from '../store/index.js';
import { AuthorizationError } from './authorization-error.js';
import { hashOf } from './begin-authorization.js';
import type { RedemptionClient } from './redemption-client.js';
import { openSecrets, sealCode, type AuthorizationPlace } from './sealed-parts.js';

/** What receiving a callback works with. */
export interface CallbackParts {
  database: TokenDatabase;
  /** With `grant` keys. */
  keys: KeyProvider;
  redemptions: RedemptionClient;
}

/** A browser that came back. */
export interface Callback {
  query: URLSearchParams;
  /** What the authorization was bound to when it began. */
  browser: Secret | null;
}

/** Where an authorization stands after its callback. */
export interface CallbackResult {
  authorizationId: string;
  connectionId: string;
  /** `received`: the code is kept, and is being redeemed. */
  outcome: 'received' | 'done' | 'failed';
  /** Why it failed. */
  type: FailureType | null;
}

/**
 * Receives the answer to an authorization: keeps the code once, or ends the authorization, and has
 * the code redeemed. The same callback again says where the authorization stands, and never leads to
 * a second exchange. An answer of another browser changes nothing.
 *
 * @throws AuthorizationError `Authorization.invalid_response` when it belongs to no authorization of
 *   this browser, `Token.unavailable` when the code is kept and Temporal cannot be told; StoreError
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-4.1.2
 * @see https://www.rfc-editor.org/rfc/rfc6749.html#section-10.12
 */
export async function receiveCallback(
  parts: CallbackParts,
  callback: Callback,
): Promise<CallbackResult> {
  const found = await authorizationOf(parts, callback);
  const { authorizationId, phase } = found.record;
  if (phase === 'pending') await judge(parts, found, callback.query);
  return standing(
    parts,
    phase === 'pending' ? await again(parts, callback) : found,
    authorizationId,
  );
}

async function authorizationOf(
  { database }: CallbackParts,
  { query, browser }: Callback,
): Promise<ReadAuthorization> {
  const states = query.getAll('state').filter((state) => state !== '');
  const [state] = states;
  if (state === undefined || states.length > 1) throw foreign('It has no state, or several.');
  const found = await findAuthorizationByState(database, hashOf(state));
  if (found === null) throw foreign('Its state is unknown, or too old.');
  const { browserHash } = found;
  if (browserHash !== null && !isSame(browserHash, hashOf(browser?.reveal() ?? ''))) {
    throw foreign('It comes from another browser than the one it was begun in.');
  }
  return found;
}

const foreign = (message: string): AuthorizationError =>
  new AuthorizationError('Authorization.invalid_response', message);

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

async function again({ database }: CallbackParts, { query }: Callback): Promise<ReadAuthorization> {
  const found = await findAuthorizationByState(database, hashOf(query.get('state') ?? ''));
  if (found === null) throw foreign('Its authorization has just been deleted.');
  return found;
}

/** Takes the first answer, whatever it says; a later one finds the authorization past `pending`. */
async function judge(
  { database, keys }: CallbackParts,
  found: ReadAuthorization,
  query: URLSearchParams,
): Promise<void> {
  const { record, request } = found;
  const fail = (type: FailureType) =>
    failAuthorization(database, record, { type, attemptId: null });
  const { connectionId } = record;
  const [read, token] = await Promise.all([
    readConnection(database, connectionId),
    readToken(database, connectionId),
  ]);
  if (read === null || token?.record.incarnation !== record.incarnation || request === null) {
    await fail('Connection.not_found');
    return;
  }
  if (isSuperseded(record, token.record, read.connection.grant)) {
    await fail('Authorization.superseded');
    return;
  }
  if (record.now >= record.expiresAt) {
    await fail('Authorization.expired');
    return;
  }
  const { connection } = read;
  const place: AuthorizationPlace = { database, record, connection };
  const { state } = await openSecrets(keys, place, request);
  const { issuer, authorizationResponseIssParameterSupported } = connection.authorizationServer;
  const answer = readAuthorizationResponse(query, {
    ...{ state: state ?? new Secret(''), issuer },
    issParameterSupported: authorizationResponseIssParameterSupported,
  });
  if (answer.kind === 'code') {
    const code = await sealCode(await prepareSealer(keys, 'grant'), place, answer.code);
    await receiveCode(database, record.authorizationId, code);
    return;
  }
  await fail(failureTypeOf(answer));
}

function failureTypeOf(answer: Exclude<AuthorizationResponse, { kind: 'code' }>): FailureType {
  if (answer.kind === 'invalid') return 'Authorization.invalid_response';
  return answer.error === 'access_denied' ? 'Authorization.denied' : oauthFailureType(answer.error);
}

async function standing(
  { redemptions }: CallbackParts,
  { record }: ReadAuthorization,
  authorizationId: string,
): Promise<CallbackResult> {
  const { connectionId, phase, outcome } = record;
  const about = { authorizationId, connectionId };
  if (phase === 'done') return { ...about, outcome: 'done', type: null };
  // Still pending: its time was over between two looks.
  if (phase === 'pending') return { ...about, outcome: 'failed', type: 'Authorization.expired' };
  if (phase === 'failed') {
    const type = (outcome?.type ?? 'Authorization.lost') as FailureType;
    return { ...about, outcome: 'failed', type };
  }
  await redemptions.start({ connectionId, authorizationId });
  return { ...about, outcome: 'received', type: null };
}
